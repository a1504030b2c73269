"""A stream of chunks that another thread can stop while it waits for the next one."""

from collections.abc import Callable, Generator
from types import TracebackType


class CancellableStream(Generator[object, None, None]):
    """A generator of chunks, and how to stop what it waits for."""

    def __init__(
        self, chunks: Generator[object, None, None], *, cancel: Callable[[], None]
    ) -> None:
        self._chunks = chunks
        self._cancel = cancel

    def send(self, value: None) -> object:
        """Return the next chunk."""
        return self._chunks.send(value)

    def throw(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> object:
        """Raise an error where the generator waits."""
        return self._chunks.throw(typ if isinstance(typ, BaseException) else typ(val))

    def close(self) -> None:
        """Release everything; not while another thread waits for a chunk."""
        self._chunks.close()

    def cancel(self) -> None:
        """Stop, at the server, what the stream waits for: it fails. Any thread."""
        self._cancel()
