"""Arrow record batches in frames: a whole small stream per body, or one long stream over many."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

from collections.abc import Callable, Sequence

import pyarrow as pa

from analysis_sandbox.errors import AnalysisSandboxError, CancelledError
from analysis_sandbox.warehouse.protocol import Bytes, Channel


def to_body(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> Bytes:
    """Return batches as one self-contained Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return memoryview(sink.getvalue())


def from_body(body: Bytes) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """Read what `to_body` wrote, without copying the data."""
    with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
        return reader.schema, list(reader)


class StreamSender:
    """Writes one long Arrow stream as frames, a batch at a time, without copying the data."""

    def __init__(self, channel: Channel, schema: pa.Schema) -> None:
        self._channel = channel
        self._parts: list[Bytes] = []
        self._writer = pa.ipc.new_stream(pa.PythonFile(self, mode="w"), schema)

    @property
    def closed(self) -> bool:
        """Part of the file interface that Arrow writes to."""
        return False

    def write(self, data: Bytes) -> int:
        """Part of the file interface that Arrow writes to."""
        self._parts.append(memoryview(data))
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Part of the file interface that Arrow writes to."""

    def send(self, batch: pa.RecordBatch) -> None:
        """Send one batch."""
        self._writer.write_batch(batch)
        self._flush()

    def finish(self) -> None:
        """Tell the receiver that the stream is complete."""
        self._writer.close()
        self._flush()
        self._channel.send({"op": "end"})

    def abort(self) -> None:
        """Tell the receiver that no more will come and nothing of it may be kept."""
        self._channel.send({"op": "abort"})

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._channel.send({"op": "data"}, parts)


class StreamReceiver:
    """Reads the frames of a `StreamSender` as the file that Arrow wants.

    `check` is called while waiting; it may raise to give up.
    """

    closed = False
    _POLL_SECONDS = 0.1

    def __init__(self, channel: Channel, check: Callable[[], None]) -> None:
        self._channel = channel
        self._check = check
        self._view = memoryview(b"")
        self._ended = False
        self.error: AnalysisSandboxError | None = None

    def read(self, size: int) -> Bytes:
        """Return `size` bytes, fewer only at the end of a complete stream."""
        if len(self._view) >= size:
            taken, self._view = self._view[:size], self._view[size:]
            return taken
        parts: list[Bytes] = []
        wanted = size
        while wanted and self._fill():
            taken, self._view = self._view[:wanted], self._view[wanted:]
            parts.append(taken)
            wanted -= len(taken)
        return b"".join(parts)

    def drain(self) -> None:
        """Take what the sender still sends, up to its last word."""
        while not self._ended:
            self._ended = self._channel.receive().header["op"] != "data"

    def _fill(self) -> bool:
        """Make sure that some bytes are there; False at the end."""
        try:
            while not self._view and not self._ended:
                while not self._channel.is_readable(self._POLL_SECONDS):
                    self._check()
                frame = self._channel.receive()
                self._view = frame.body
                self._ended = frame.header["op"] != "data"
                if frame.header["op"] == "abort":
                    raise CancelledError("The sender gave up the load")
        except AnalysisSandboxError as error:
            # Arrow and DuckDB turn it into text of theirs; the caller raises this one instead.
            self.error = error
            raise
        return bool(self._view)
