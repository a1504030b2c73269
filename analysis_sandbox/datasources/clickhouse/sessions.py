"""One connection at a time: opened, asked one statement, and left clean; its errors as ours.

HTTP has no session: nothing that a statement sets outlives it. What a user may set at all is asked
once. With `readonly` 0 in the user's profile every guarded statement gets readonly=1, which refuses
whatever writes and every change of a setting; 2 refuses writes, and SETTINGS are left to the gate;
with 1 nothing can be set, so that our own limits hold at our end only.
"""

import contextlib
import ssl
import threading
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from analysis_sandbox.datasources.clickhouse.config import ClickHouseConfig, parse_url, tls_context
from analysis_sandbox.datasources.clickhouse.failures import Failures, exception_in
from analysis_sandbox.datasources.clickhouse.native import BrokenStream, read_blocks
from analysis_sandbox.datasources.clickhouse.wire import (
    WIRE_ERRORS,
    Answer,
    Connection,
    ConnectionLost,
)
from analysis_sandbox.datasources.pool import Lease, Pool
from analysis_sandbox.errors import AnalysisSandboxError

# The server is asked to stop a little before we stop waiting, so that its own error arrives.
_GRACE_SECONDS = 2.0
_KILL_SECONDS = 5.0
_LONGEST_EXCEPTION = 1 << 16
# Columns may be narrower in JSON than in the server's memory.
_MEMORY_PER_JSON_BYTE = 8
_KILL = "KILL QUERY WHERE query_id = '{}' AND user = currentUser() ASYNC"
_LEVEL = "SELECT toInt64(getSetting('readonly')) AS level"


@dataclass(frozen=True, slots=True)
class Request:
    """A statement and how it is run.

    `guarded` ones cannot write. `seconds` bounds the whole statement at the server, None leaves it
    to the run; `most_bytes` is the largest result as JSON. `data` is what the statement inserts.
    """

    sql: str
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    format: str = "Native"
    guarded: bool = True
    seconds: float | None = None
    most_bytes: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    data: Iterable[bytes] | None = None


class Session:
    """A connection, and the statement that runs on it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.query_id = ""
        self.clean = True


class Sessions:
    """How a pool opens, prepares and ends connections to one server."""

    def __init__(self, config: ClickHouseConfig, *, name: str) -> None:
        self.place = parse_url(config.url.get_secret_value())
        self.failures = Failures(config, name=name, secret=self.place.password)
        self._config = config
        self._tls: ssl.SSLContext | None = None
        self._level: int | None = None
        self._lock = threading.Lock()

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What `prepare` raises for a connection that the server ended."""
        return (ConnectionLost,)

    def connect(self) -> Session:
        """Open a connection.

        Raises:
            UnavailableError: the server cannot be reached or does not let us in.
        """
        session = self._open(self._config.connect_timeout_seconds)
        if self._level is None:
            try:
                self._learn_level(session)
            except BaseException:
                session.connection.close()
                raise
            if session.connection.is_gone():
                # A server that keeps no connections.
                session.connection.close()
                return self._open(self._config.connect_timeout_seconds)
        return session

    def prepare(self, connection: Session) -> None:
        """Make sure that the server has not ended the connection meanwhile."""
        if connection.connection.is_gone():
            raise ConnectionLost("the server ended the connection")

    def finish(self, connection: Session) -> bool:
        """Tell whether it can be used again: its last answer was read to the end."""
        return connection.clean

    def interrupt(self, connection: Session) -> None:
        """Stop the running statement, here and at the server."""
        connection.connection.cut()
        self._kill(connection.query_id)

    def close(self, connection: Session) -> None:
        """Close the connection."""
        connection.connection.close()

    @property
    def level(self) -> int:
        """The user's own `readonly`, known after the first connection."""
        return self._level or 0

    @property
    def seconds(self) -> float:
        """How long a statement may take."""
        return self._config.query_timeout_seconds

    @contextlib.contextmanager
    def lease(self, pool: Pool[Session]) -> Generator[Lease[Session]]:
        """Lend a connection of the pool.

        Raises:
            UnavailableError: none is free, or none can be had.
        """
        try:
            with pool.lease() as lease:
                yield lease
        except ConnectionLost as error:
            raise self.failures.went_away(error) from error

    @contextlib.contextmanager
    def run(self, lease: Lease[Session], request: Request) -> Generator[Answer]:
        """Run a statement and lend its answer; what is not read of it is stopped at the server.

        Raises:
            What `Failures` has; also for errors of reading the answer inside.
        """
        session = lease.connection
        session.clean = False
        session.query_id = f"analysis-sandbox-{uuid4()}"
        if lease.interrupted:
            raise self.failures.cancelled()
        answer = None
        try:
            with self.translated(lease):
                answer = self._ask(session, request)
            with self.translated(lease, answer):
                yield answer
        finally:
            session.clean = answer is not None and answer.complete
            if not session.clean:
                # First: a server that writes to somebody who does not read does not hear us.
                session.connection.cut()
                self._kill(session.query_id)

    def waiting(self, lease: Lease[Session]) -> None:
        """Give what is waited for next the time of a whole statement.

        Raises:
            CancelledError: the statement was stopped; some of its rows may have come already.
        """
        if lease.interrupted:
            raise self.failures.cancelled()
        seconds = self._config.query_timeout_seconds + _GRACE_SECONDS
        lease.connection.connection.allow(seconds)

    def _ask(self, session: Session, request: Request) -> Answer:
        seconds = request.seconds or self._config.query_timeout_seconds
        session.connection.allow(seconds + _GRACE_SECONDS)
        compressed = self._config.compression and self.level != 1
        answer = session.connection.post(
            request.sql,
            self._parameters(session, request, compressed=compressed),
            data=request.data,
            compressed=compressed,
        )
        code = answer.headers.get("X-ClickHouse-Exception-Code", "")
        if answer.status == 200 and not code:
            return answer
        text = answer.read(_LONGEST_EXCEPTION).decode("utf-8", "replace")
        # It has ended: there is nothing to kill.
        session.query_id = ""
        number = int(code) if code.isdigit() else 0
        raise self.failures.refused(text, code=number, status=answer.status)

    def _parameters(
        self, session: Session, request: Request, *, compressed: bool
    ) -> dict[str, str]:
        known = {"query_id": session.query_id, "default_format": request.format}
        if self.place.database is not None:
            known["database"] = self.place.database
        return {**known, **request.parameters, **self._settings(request, compressed=compressed)}

    def _settings(self, request: Request, *, compressed: bool) -> dict[str, str]:
        if self.level == 1:
            return {}
        # A profile may say "break", which would end results early without a word.
        settings = {"timeout_overflow_mode": "throw", "result_overflow_mode": "throw"}
        settings["max_execution_time"] = f"{request.seconds or 0:g}"
        if request.guarded:
            settings["cancel_http_readonly_queries_on_client_close"] = "1"
        if request.guarded and self.level == 0:
            settings["readonly"] = "1"
        if request.most_bytes is not None:
            settings["max_result_bytes"] = str(request.most_bytes * _MEMORY_PER_JSON_BYTE)
        if compressed:
            settings["enable_http_compression"] = "1"
        return {**settings, **request.settings}

    def _open(self, timeout: float) -> Session:
        try:
            with self._lock:
                if self.place.secure and self._tls is None:
                    self._tls = tls_context(self._config)
            return Session(Connection(self.place, tls=self._tls, timeout=timeout))
        except (*WIRE_ERRORS, ValueError) as error:
            raise self.failures.unreachable(error) from error

    def _learn_level(self, session: Session) -> None:
        """Ask what the user may set; without settings, which not everybody may send."""
        known = {"default_format": "Native"}
        try:
            answer = session.connection.post(_LEVEL, known)
            if answer.status != 200:
                text = answer.read(_LONGEST_EXCEPTION).decode("utf-8", "replace")
                raise self.failures.refused(text, status=answer.status)
            rows = [row for block in read_blocks(answer) for row in block.rows]
        except (*WIRE_ERRORS, BrokenStream) as error:
            raise self.failures.unreachable(error) from error
        if not rows:
            raise self.failures.unreachable("it does not answer as ClickHouse does")
        self._level = int(str(rows[0][0]))

    def _kill(self, query_id: str) -> None:
        """Stop a statement at the server by its name. Never raises: its connection is cut too."""
        if not query_id:
            return
        with contextlib.suppress(*WIRE_ERRORS, AnalysisSandboxError):
            session = self._open(_KILL_SECONDS)
            with contextlib.closing(session.connection) as connection:
                connection.post(_KILL.format(query_id), {}).read(_LONGEST_EXCEPTION)

    @contextlib.contextmanager
    def translated(self, lease: Lease[Session], answer: Answer | None = None) -> Generator[None]:
        """Turn what the wire and the driver raise into ours; the lease tells who stopped it."""
        try:
            yield
        except BrokenStream as error:
            raise self._broken(lease, answer, str(error)) from error
        except WIRE_ERRORS as error:
            told = exception_in(answer.tail, answer.exception_tag) if answer is not None else None
            if lease.interrupted:
                raise self.failures.cancelled() from error
            if isinstance(error, TimeoutError):
                raise self.failures.late() from error
            if told is not None:
                raise self.failures.refused(told) from error
            raise self.failures.went_away(error) from error
        except AnalysisSandboxError as error:
            if lease.interrupted:
                raise self.failures.cancelled() from error
            raise

    def _broken(
        self, lease: Lease[Session], answer: Answer | None, reason: str
    ) -> AnalysisSandboxError:
        """Return the error for an answer that turned into something else."""
        if answer is not None:
            with contextlib.suppress(*WIRE_ERRORS):
                answer.read(_LONGEST_EXCEPTION)
        told = exception_in(answer.tail, answer.exception_tag) if answer is not None else None
        if lease.interrupted:
            return self.failures.cancelled()
        if told is not None:
            return self.failures.refused(told)
        return self.failures.went_away(f"its answer is not understood ({reason})")
