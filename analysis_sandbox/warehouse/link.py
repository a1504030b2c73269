"""The client's connection of one session: one call at a time, and what is lost with it.

A connection that is lost between calls is made anew without a word, unless a transaction or
temporary tables were lost with it. One that is lost during a call is an error: nobody knows whether
the call took effect.
"""

import itertools
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from analysis_sandbox.errors import UnavailableError
from analysis_sandbox.values import JSONObject
from analysis_sandbox.warehouse.protocol import Channel, ConnectionLostError, Frame, raise_error

_SEND_ATTEMPTS = 3


class Call:
    """One call in progress: its request is sent."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.leaves_open: bool | None = None
        self.is_settled = False
        self.is_last = False

    def reply(self) -> Frame:
        """Wait for the reply and raise the error it may be."""
        frame = self.channel.receive()
        self.leaves_open = bool(frame.header["open"])
        self.is_settled = not frame.header.get("more", False)
        self.is_last = bool(frame.header["last"])
        raise_error(frame.header)
        return frame

    def ask(self, operation: str) -> None:
        """Send what belongs to the same call; `stop` ends it."""
        self.channel.send({"op": operation})
        self.is_settled = operation == "stop"


class Link:
    """A session's connection. `greet` opens one and returns it with the session's number."""

    def __init__(self, greet: Callable[[], tuple[Channel, int]], patience: float | None) -> None:
        self._greet = greet
        self._patience = patience
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._connection: tuple[Channel, int] | None = None
        self._is_closed = False
        self._has_transaction = False
        self._has_state = False
        self.running: tuple[int, int] | None = None
        with self._lock:
            self._connected()

    @property
    def has_transaction(self) -> bool:
        """Whether a transaction was open after the last call."""
        return self._has_transaction

    @property
    def has_state(self) -> bool:
        """Whether the session has something that ends with it, such as temporary tables."""
        return self._has_state

    @contextmanager
    def call(
        self, request: JSONObject, *, keeps_state: bool = False
    ) -> Generator[Call, None, None]:
        """Send a request and hold the session until its call has ended.

        Raises:
            UnavailableError: the connection was lost; the message says what with it.
        """
        with self._lock:
            channel = self._send(request)
            call = Call(channel)
            try:
                yield call
            except ConnectionLostError as error:
                raise self._lost_during_call(error) from error
            finally:
                self.running = None
                if call.leaves_open is not None:
                    self._has_transaction = call.leaves_open
                    self._has_state = self._has_state or keeps_state
                if not call.is_settled or call.is_last or self._is_closed:
                    self._drop()

    def close(self) -> None:
        """End the session, also under a call that another thread has in progress."""
        self._is_closed = True
        if self._connection is not None:
            self._connection[0].shut_down()
        if self._lock.acquire(blocking=False):
            self._drop()
            self._lock.release()

    def _connected(self) -> tuple[Channel, int]:
        if self._is_closed:
            raise UnavailableError("The session with the warehouse is closed")
        if self._connection is None:
            self._connection = self._greet()
            self._connection[0].set_timeout(self._patience)
        return self._connection

    def _send(self, request: JSONObject) -> Channel:
        number = next(self._numbers)
        for attempt in itertools.count(1):
            channel, session = self._connected()
            self.running = (session, number)
            try:
                channel.send({**request, "call": number})
            except ConnectionLostError as error:
                self._lost_between_calls(error)
                if attempt == _SEND_ATTEMPTS:
                    raise
            else:
                return channel
        raise AssertionError

    def _lost_between_calls(self, error: ConnectionLostError) -> None:
        had_transaction, had_state = self._has_transaction, self._has_state
        self._drop()
        if had_transaction:
            raise UnavailableError(
                "The connection to the warehouse was lost and the open transaction rolled back",
                hint="Begin the transaction again.",
            ) from error
        if had_state:
            raise UnavailableError(
                "The connection to the warehouse was lost, and the session's temporary tables",
                hint="Run the analysis again, or use tables that are not temporary.",
            ) from error

    def _lost_during_call(self, error: ConnectionLostError) -> UnavailableError:
        if self._is_closed:
            return UnavailableError("The session with the warehouse was closed during the call")
        had_transaction = self._has_transaction
        self._drop()
        if had_transaction:
            return UnavailableError(
                "The connection to the warehouse was lost during a call; the open transaction was "
                f"rolled back, unless the call was its COMMIT ({error.message})",
                hint="Begin the transaction again, after a look at whether it took effect.",
            )
        return UnavailableError(
            "The connection to the warehouse was lost during a call; whether the call took effect "
            f"is unknown ({error.message})",
            hint="Look whether it took effect before it is repeated.",
        )

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection[0].close()
        self._connection = None
        self._has_transaction = self._has_state = False
