"""Frames: whatever arrives in whatever pieces is a frame, an end, or an error."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.sandbox.protocol import (
    HEADER,
    Channel,
    FrameTooLargeError,
    ProtocolError,
)
from tests.sandbox.talk import Talk

LIMIT = 5000
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def received(data: bytes, cuts: list[int]) -> list[bytes] | str:
    """Send `data` in pieces, close, and return the frames or the name of the error."""
    ours, theirs = socket.socketpair()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})

    def send() -> None:
        # The reader leaves at the first error.
        with theirs, contextlib.suppress(OSError):
            for begin, end in itertools.pairwise(edges):
                theirs.sendall(data[begin:end])

    sender = threading.Thread(target=send)
    sender.start()
    channel = Channel(ours, limit=LIMIT)
    frames: list[bytes] = []
    try:
        while (frame := channel.receive()) is not None:
            frames.append(frame)
    except ProtocolError as error:
        return type(error).__name__
    finally:
        channel.close()
        sender.join()
    return frames


@given(
    st.lists(st.binary(max_size=LIMIT), max_size=6),
    st.lists(st.integers(min_value=0, max_value=1 << 20), max_size=6),
)
@settings(max_examples=150, deadline=None)
def test_frames_survive_any_cutting(frames: list[bytes], cuts: list[int]) -> None:
    data = b"".join(HEADER.pack(len(frame)) + frame for frame in frames)

    assert received(data, cuts) == frames


@given(st.binary(max_size=300), st.lists(st.integers(min_value=0, max_value=300), max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_frames_or_a_protocol_error(data: bytes, cuts: list[int]) -> None:
    got = received(data, cuts)

    assert got in ("ProtocolError", "FrameTooLargeError") or isinstance(got, list)
    if isinstance(got, list):
        assert b"".join(HEADER.pack(len(frame)) + frame for frame in got) == data


@given(st.binary(min_size=1, max_size=400), st.integers(min_value=1, max_value=400))
@settings(max_examples=100, deadline=None)
def test_a_stream_that_ends_inside_a_frame_is_an_error(frame: bytes, missing: int) -> None:
    data = HEADER.pack(len(frame)) + frame

    assert received(data[: -min(missing, len(data) - 1)], []) == "ProtocolError"


def test_a_frame_over_the_limit_is_refused_before_it_is_read(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(HEADER.pack(LIMIT + 1))

    with pytest.raises(FrameTooLargeError, match=f"{LIMIT + 1} bytes; {LIMIT} are allowed"):
        Channel(ours, limit=LIMIT).receive()


def test_several_frames_can_be_sent_at_once(pair: Pair) -> None:
    ours, theirs = pair
    sent = Channel(theirs, limit=LIMIT).send(b"one", b"", b"three")
    channel = Channel(ours, limit=LIMIT)

    assert sent == 3 * HEADER.size + 8
    assert not channel.has_frame()
    assert channel.receive() == b"one"
    assert channel.has_frame()
    assert [channel.receive(), channel.receive()] == [b"", b"three"]
    assert not channel.has_frame()


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(
    ["call", "ask", "await", "log", "facts", "near", "result", "error", "refused", "x"]
)
MESSAGES: st.SearchStrategy[Any] = st.builds(
    lambda kind, rest: [kind, *rest], KINDS, st.lists(JSON_LIKE, max_size=4)
)
CALLS: st.SearchStrategy[Any] = st.builds(
    lambda kind, number, name, arguments: [kind, number, name, arguments],
    st.sampled_from(["call", "ask", "await"]),
    st.integers(),
    st.sampled_from(["duckdb.describe", "metadata.get", "unknown"]),
    st.lists(JSON_LIKE, max_size=3),
)
REPORTS: st.SearchStrategy[Any] = st.builds(
    lambda report: ["error", report],
    st.dictionaries(
        st.sampled_from(["kind", "name", "message", "stack", "call", "bytes"]),
        JSON_LIKE | st.sampled_from(["time", "memory", "cancelled", "limit", "result", "script"]),
    ),
)


@given(st.lists(MESSAGES | CALLS | REPORTS | JSON_LIKE, max_size=6))
@settings(max_examples=250, deadline=None)
def test_whatever_a_child_says_the_conversation_ends_with_a_value_or_an_error(
    messages: list[Any],
) -> None:
    heard = Talk().hear(*(json.dumps(message).encode() for message in messages))

    assert heard.value is None or isinstance(json.loads(heard.value), object)
    assert heard.error is None or isinstance(heard.error, AnalysisSandboxError)
    assert not (heard.value and heard.error)


@given(st.lists(st.binary(max_size=200), max_size=3))
@settings(max_examples=100, deadline=None)
def test_bytes_that_are_no_json_break_the_conversation(frames: list[bytes]) -> None:
    heard = Talk().hear(*frames)

    assert heard.value is None
    assert heard.is_broken == bool(frames)


def test_a_deep_argument_is_refused_and_the_conversation_goes_on() -> None:
    deep = b'["call",7,"duckdb.describe",[' + b"[" * 5000 + b"]" * 5000 + b"]]"

    heard = Talk().hear(deep, b'["result",{"a":1}]')

    assert heard.value == '{"a":1}'
