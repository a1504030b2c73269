"""Both ends of the conversation against an other end that says anything: neither harms the other.

The supervisor hears a child that its script owns: honest frames, mutated, cut, repeated, mixed with
noise. The child hears a supervisor gone mad: it may end, and nothing else may.
"""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.sandbox.launcher import ForkServer
from analysis_sandbox.sandbox.process import Process
from analysis_sandbox.sandbox.protocol import HEADER
from tests.sandbox.scripts import FACTS, analysis
from tests.sandbox.talk import Talk

HONEST: list[bytes] = [
    b'["call",1,"duckdb.describe",["t",{"a":[1,2.5,null,true]}]]',
    b'["await",2,"duckdb.describe",[]]',
    b'["ask",3,"metadata.get",["k"]]',
    b'["ask",4,"metadata.get",[{"\xee\x80\x80bytes":"AAEC"},{"\xee\x80\x80bigint":"12"}]]',
    b'["log","info","a line \\u00e9 \\ud83d\\ude00"]',
    b'["near","memory",1000000]',
    b'["near","time",24000]',
    b'["facts",{"layers":{"seccomp":"ok"},"heap_bytes":4096}]',
    b'["result",{"rows":[{"a":1,"b":"x"}]}]',
    b'["error",{"kind":"script","call":3,"name":"TypeError","message":"n","stack":"at f (x:1:2)"}]',
    b'["error",{"kind":"memory","bytes":9000000,"name":"null","message":"","stack":""}]',
    b'["error",{"kind":"log","lines":21,"bytes":300,"name":"E","message":"","stack":""}]',
    b'["refused","no seccomp"]',
]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
# What parsers and checks stumble over.
ODD = st.sampled_from(
    [
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5000,
        b"-0",
        b'"\\ud800"',
        b'"\\u0000"',
        b"\xff\xfe",
        b"[" * 3000,
        b'{"a":' * 3000,
        b"null",
        b"[]",
        b"{}",
        b"true",
        b'{"\xee\x80\x80bytes":"?"}',
        b'{"\xee\x80\x80bigint":"x"}',
        b'"__proto__"',
        b'"' + b"x" * 70_000 + b'"',
        b"",
        b" ",
        b"\0",
    ]
)


@st.composite
def mutated(draw: st.DrawFn, honest: list[bytes]) -> bytes:
    """Return an honest frame with a few bytes, a slice or a value exchanged."""
    frame = bytearray(draw(st.sampled_from(honest)))
    for _ in range(draw(st.integers(min_value=0, max_value=3))):
        begin = draw(st.integers(min_value=0, max_value=len(frame)))
        end = min(len(frame), begin + draw(st.integers(min_value=0, max_value=6)))
        frame[begin:end] = draw(ODD | st.binary(max_size=4))
    return bytes(frame)


@st.composite
def streams(draw: st.DrawFn, honest: list[bytes]) -> bytes:
    """Return frames as bytes, with lengths that lie now and then."""
    frames = draw(st.lists(st.sampled_from(honest) | mutated(honest), max_size=6))
    lie = draw(st.sampled_from([0, 0, 0, 0, 1, -1, 7, 1 << 16, 0xFFFF_FFFF]))
    at = draw(st.integers(min_value=0, max_value=6))
    data = b""
    for index, frame in enumerate(frames):
        wrong = lie if index == at else 0
        data += HEADER.pack((len(frame) + wrong) & 0xFFFF_FFFF) + frame
    return data + draw(st.binary(max_size=8) | st.just(b""))


@given(streams(HONEST))
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_child_that_says_anything_ends_with_an_outcome(
    caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    caplog.clear()
    talk = Talk()
    threads = threading.active_count()

    with caplog.at_level(logging.WARNING):
        heard = talk.hear_bytes(data)

    talk.workers.close()
    assert heard.error is None or isinstance(heard.error, AnalysisSandboxError)
    assert heard.value is None or heard.error is None
    if heard.value is not None:
        json.loads(heard.value, parse_constant=pytest.fail)
        heard.value.encode("utf-8")
    if heard.error is not None:
        json.dumps(heard.error.facts(), allow_nan=False).encode("utf-8")
        str(heard.error).encode("utf-8")
    assert len(heard.layers) <= 20
    assert len(talk.host.lines) <= 20 + 6
    # A defect of ours would have been caught and logged.
    assert "The conversation" not in caplog.text
    assert threading.active_count() <= threads + 8


def test_hostile_frames_leave_no_descriptor_and_no_thread() -> None:
    talk = Talk()
    talk.hear(*HONEST)
    before = len(os.listdir("/proc/self/fd"))

    for data in (b"", b"\xff" * 40, HEADER.pack(100) + b"[", *HONEST, *[b"[" * 3000] * 3):
        talk.hear_bytes(data)
        talk.hear(data)
    talk.workers.close()

    assert len(os.listdir("/proc/self/fd")) == before
    wanted = time.monotonic() + 20
    while any(thread.name == "test-conversation" for thread in threading.enumerate()):
        assert time.monotonic() < wanted


JOB = {
    "code": analysis(
        "ctx.metadata.has('k'); await ctx.duckdb.exec('a');\n"
        "const both = [ctx.duckdb.exec('b'), ctx.sleep(1)]; await Promise.all(both); return {};"
    ),
    "modules": {"maths": "export const a = 1;"},
    "filename": "script.js",
    "entry": "run",
    "argument": "",
    "limits": {
        "timeout_ms": 3_000,
        "memory_bytes": 32 << 20,
        "frame_bytes": 1 << 20,
        "result_bytes": 1 << 20,
        "in_flight": 16,
        "log_lines": 100,
        "log_bytes": 10_000,
    },
    "parameters": "{}",
    "context": json.dumps(FACTS),
}
ANSWERS: list[bytes] = [
    b'["reply",1,0,true]',
    b'["reply",2,0,null]',
    b'["reply",2,1,{"\xee\x80\x80bytes":"AAEC"}]',
    b'["reply",3,0,[{"a":1}]]',
    b'["fail",1,{"name":"QueryError","message":"no","code":"QUERY_FAILED","hint":null,"details":{}}]',
    b'["fail",2,{"name":"E","message":"no","code":"E"}]',
    b'["reply",99,0,null]',
]


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    server = ForkServer(allow_weak=False)
    yield server
    server.close()


JOB_FRAME = b'["job",1234567890.125,%b]' % json.dumps(JOB).encode()


def timely(frame: bytes) -> bytes:
    """Return the job with a deadline of today, where the mutation left its own."""
    return frame.replace(b"1234567890.125", b"%r" % (time.monotonic() + 3))


def end_of_child(server: ForkServer, data: bytes) -> Any:
    """Say `data` to a child, hang up, and return how it ended."""
    process = Process(server)
    process.begin(kill_at=time.monotonic() + 15, when_ended=lambda: None)
    # It may end at the first frame that is wrong.
    with process.socket, contextlib.suppress(OSError):
        process.socket.sendall(data)
        process.socket.shutdown(socket.SHUT_WR)
        while process.socket.recv(65_536):
            pass
    assert process.has_ended.wait(30)
    return process.ending


@given(st.booleans(), streams(ANSWERS), st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=SLOW)
def test_a_supervisor_that_says_anything_ends_the_child_only(
    server: ForkServer, is_job_whole: bool, answers: bytes, data: st.DataObject
) -> None:
    frame = timely(JOB_FRAME if is_job_whole else data.draw(mutated([JOB_FRAME])))

    ending = end_of_child(server, HEADER.pack(len(frame)) + frame + answers)

    assert ending.killed is None
    assert os.WIFEXITED(ending.status)
    assert not server.is_dead


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
def test_noise_instead_of_a_job_ends_the_child_only(server: ForkServer, noise: bytes) -> None:
    ending = end_of_child(server, noise)

    assert ending.killed is None
    assert os.WIFEXITED(ending.status)
    assert not server.is_dead


def test_after_all_that_an_honest_talk_still_works(server: ForkServer) -> None:
    answers = [b'["reply",1,0,true]', b'["reply",2,0,null]', b'["reply",3,0,null]']
    frames = [timely(JOB_FRAME), *answers]

    ending = end_of_child(server, b"".join(HEADER.pack(len(f)) + f for f in frames))

    assert ending.status == 0
