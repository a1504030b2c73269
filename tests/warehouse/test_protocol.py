"""Frames, parameters and errors on the socket."""

import math
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_sandbox.errors import AnalysisSandboxError, LimitExceededError, QueryError
from analysis_sandbox.warehouse.protocol import (
    Channel,
    ConnectionLostError,
    decode_parameters,
    encode_parameters,
    error_header,
    raise_error,
)

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=10,
)


@pytest.fixture
def channels() -> Iterator[tuple[Channel, Channel]]:
    left, right = (Channel(end) for end in socket.socketpair())
    with left, right:
        yield left, right


@given(st.lists(VALUES, max_size=4) | st.dictionaries(st.text("abc"), VALUES, max_size=4))
def test_parameters_survive_the_way(parameters: list[Any] | dict[str, Any]) -> None:
    assert decode_parameters(encode_parameters(parameters)) == parameters


def test_no_parameters_are_no_parameters() -> None:
    assert decode_parameters(encode_parameters(None)) is None
    assert decode_parameters(encode_parameters([math.inf])) == [None]


@pytest.mark.parametrize("parts", [[], [b"ab", memoryview(b"c")], [b"x" * 100_000, b"y"]])
def test_a_frame_arrives_as_it_was_sent(
    channels: tuple[Channel, Channel], parts: list[bytes]
) -> None:
    left, right = channels
    left.send({"op": "x", "text": "ünïcode"}, parts)

    frame = right.receive()

    assert frame.header == {"op": "x", "text": "ünïcode"}
    assert bytes(frame.body) == b"".join(parts)


def test_the_end_of_the_other_side_is_an_error(channels: tuple[Channel, Channel]) -> None:
    left, right = channels
    left.close()

    assert right.is_readable()
    with pytest.raises(ConnectionLostError):
        right.receive()
    with pytest.raises(ConnectionLostError):
        right.send({})


def test_a_frame_cut_short_is_an_error_and_not_a_frame() -> None:
    left, right = socket.socketpair()
    with left, Channel(right) as channel:
        left.sendall(b"\x05\x00\x00\x00\x00\x00\x00\x00{}")
        left.shutdown(socket.SHUT_WR)

        with pytest.raises(ConnectionLostError):
            channel.receive()


def test_a_silent_other_side_is_an_error_after_the_time_allowed(
    channels: tuple[Channel, Channel],
) -> None:
    _, right = channels
    right.set_timeout(0.05)

    with pytest.raises(ConnectionLostError, match="timed out"):
        right.receive()


@pytest.mark.parametrize("kind", [QueryError, LimitExceededError])
def test_errors_cross_with_everything_they_say(kind: type[AnalysisSandboxError]) -> None:
    with pytest.raises(kind) as caught:
        raise_error(error_header(kind("what", hint="do", details={"limit": 7})))

    assert (caught.value.message, caught.value.hint) == ("what", "do")
    assert caught.value.details == {"limit": 7}
