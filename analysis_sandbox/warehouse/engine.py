"""DuckDB, opened once and locked: configuration, cursors, what it may be given, and its errors.

Nothing a session sends can change the configuration or reach a file: external access is off, the
configuration is locked, and every text passes a second gate here, written on DuckDB's own tokens
and statement types, behind the one of `sql.warehouse_policy`.
"""

import logging
import os
import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Self
from uuid import uuid4

import duckdb

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConfigurationError,
    LimitExceededError,
    QueryError,
    StatementRefusedError,
    UnavailableError,
    WriteConflictError,
)
from analysis_sandbox.sql.warehouse_functions import is_refused_function
from analysis_sandbox.sql.warehouse_policy import PROJECT, SCRATCH_PREFIX
from analysis_sandbox.warehouse.cache import ResultCache
from analysis_sandbox.warehouse.tables import quoted

_LOG = logging.getLogger(__name__)
_MEBIBYTE = 1 << 20
_TEMPORARY = "tmp"
_MOST_MEMORY_MB = 8192
_MOST_THREADS = 8
_HEAD_CHARACTERS = 500
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "python_enable_replacements": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
}
_STATEMENT_TYPES = frozenset({
    "ALTER", "CREATE", "DELETE", "DROP", "EXPLAIN", "INSERT", "MERGE_INTO", "MULTI", "SELECT",
    "TRANSACTION", "UPDATE",
})  # fmt: skip
_EXPLAINED = frozenset({
    "CREATE", "DELETE", "DESCRIBE", "FROM", "INSERT", "MERGE", "PIVOT", "SELECT", "SHOW",
    "SUMMARIZE", "TABLE", "UNPIVOT", "UPDATE", "VALUES", "WITH",
})  # fmt: skip
# Cheap and never wrong the other way: a refused name is spelled out in every text that calls it.
_SUSPICIOUS = re.compile(
    r"copy|__internal|duckdb_|parquet_|pragma_|read_|_scan|checkpoint|_external_resource|getenv"
    r"|_setting|_logging|_profiling|_logs|substrait|glob|json_execute|_sleep|sleep_|python_map"
    r"|sniff_|_secret|write_log|__scratch_",
    re.IGNORECASE,
)
_CONFLICT = re.compile(
    r"conflict|duplicate key|another transaction|different transaction", re.IGNORECASE
)
_DISK = re.compile(
    r"could not (?:write|read|fsync|open|truncate)|no space|fsync|failed to sync", re.I
)
_FULL = re.compile(r"no space left|quota exceeded|file too large", re.IGNORECASE)
_KIND = re.compile(r"^([A-Za-z ]+?) Error: ")
_QUOTED = re.compile(r'^"(.*)"$', re.DOTALL)


class Engine:
    """One open database file. `is_broken` says that the process must end and be replaced."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self._root = connection
        self._directory = directory
        self.cache = ResultCache()
        self.is_broken = False

    @classmethod
    def open(cls, directory: Path, name: str, *, memory_mb: int | None = None) -> Self:
        """Open or create `<directory>/<name>.duckdb` with a temporary directory of its own.

        Raises:
            ConfigurationError: the file is not one that this DuckDB can open.
            UnavailableError: another program has the file open, or the disk is full.
        """
        temporary = directory / _TEMPORARY
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir(mode=0o700)
        except OSError as error:
            raise disk_error(error.strerror or str(error)) from error
        memory = memory_mb or min(_MOST_MEMORY_MB, _machine_memory_mb() * 7 // 10)
        try:
            connection = duckdb.connect(
                ":memory:",
                config={
                    "temp_directory": str(temporary),
                    "memory_limit": f"{memory}MiB",
                    "threads": min(_MOST_THREADS, os.cpu_count() or 1),
                    "preserve_insertion_order": True,
                    "checkpoint_threshold": "1GiB",
                    "arrow_lossless_conversion": True,
                    **_CLOSED,
                },
            )
            _attach(connection, directory / f"{name}.duckdb")
            _lock(connection)
        except duckdb.Error as error:
            raise _cannot_open(error) from error
        return cls(connection, directory)

    def cursor(self, memory_mb: int) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own whose operators may use `memory_mb` each."""
        cursor = self._root.cursor()
        run(cursor, f"SET operator_memory_limit = '{int(memory_mb)}MiB'")
        return cursor

    @contextmanager
    def scratch(self, cursor: duckdb.DuckDBPyConnection) -> Generator[None]:
        """Give a connection a database in memory that is its own and ends with the block.

        The project's tables stay readable there as `project.<table>`.
        """
        name = quoted(f"{SCRATCH_PREFIX}{uuid4().hex}")
        run(cursor, f"ATTACH ':memory:' AS {name}")
        try:
            run(cursor, f"USE {name}")
            yield
        finally:
            if not self.is_broken:
                run(cursor, f"USE {PROJECT}")
                run(cursor, f"DETACH {name}")

    def copy(self, cursor: duckdb.DuckDBPyConnection) -> Path:
        """Write the project's data as of now into a new file and return its path."""
        # The one directory that a locked engine may write to.
        file = self._directory / _TEMPORARY / f"copy-{uuid4().hex}.duckdb"
        _copy_to(cursor, file)
        return file

    def statements(
        self, cursor: duckdb.DuckDBPyConnection, sql: str, *, expected: int
    ) -> list[duckdb.Statement]:
        """Return the statements of a text as the engine reads them.

        Raises:
            StatementRefusedError: one is of a kind, or calls a function, that is not allowed, or
                there are not as many as the caller read.
            QueryError: the engine cannot parse the text.
        """
        _refuse_by_tokens(sql)
        try:
            statements = cursor.extract_statements(sql)
            kinds = [statement.type.name for statement in statements]
        except ValueError as error:
            # A kind of statement that DuckDB's Python package has no name for.
            raise StatementRefusedError("The statement is not allowed in the warehouse") from error
        for kind, statement in zip(kinds, statements, strict=True):
            if kind not in _STATEMENT_TYPES:
                raise StatementRefusedError(f"{kind} is not allowed in the warehouse")
            # DuckDB calls it EXPLAIN whatever is explained, and ANALYZE runs it.
            if kind == "EXPLAIN" and (word := _explained_word(statement)) not in _EXPLAINED:
                raise StatementRefusedError(f"EXPLAIN {word} is not allowed in the warehouse")
        if len(statements) != expected:
            raise StatementRefusedError(
                f"The text reads as {expected} statements and as {len(statements)}",
                hint="Write it in plainer SQL, one statement per call.",
            )
        return statements

    def translate(self, error: Exception) -> AnalysisSandboxError:
        """Return our error for one of DuckDB's, also where Arrow wraps it in one of its own."""
        text = str(error).replace(str(self._directory), "<warehouse>").replace("\0", ".")
        match = _KIND.match(text)
        kind, message = (match.group(1), text[match.end() :]) if match else ("", text)
        if kind in {"FATAL", "INTERNAL"} or (kind != "Invalid Input" and self._disk_failed(text)):
            return self._broken(kind, message)
        if _FULL.search(message):
            return disk_error(_first_line(message))
        if kind == "TransactionContext" and _CONFLICT.search(message):
            return WriteConflictError(
                f"Two transactions changed the same data: {message}",
                hint="Run the transaction again from its beginning.",
            )
        if kind == "Out of Memory":
            return LimitExceededError(
                f"The statement needs more memory than it may use: {_first_line(message)}",
                hint="Aggregate earlier, sort less, or raise duckdb_memory_mb.",
                details={"limit": "duckdb_memory_mb"},
            )
        if kind == "Permission":
            return StatementRefusedError(
                "Files and other systems cannot be reached from the warehouse",
                hint="Read them through a datasource and load them with ctx.duckdb.load.",
            )
        return QueryError(message.strip())

    def close(self) -> None:
        """Write everything into the file and close it."""
        try:
            run(self._root, f"CHECKPOINT {PROJECT}")
        except duckdb.Error as error:
            # What is committed is in the log beside the file, which the next process reads.
            _LOG.warning("the file could not be written whole: %s", _first_line(str(error)))
        finally:
            self._root.close()
            shutil.rmtree(self._directory / _TEMPORARY, ignore_errors=True)

    def _disk_failed(self, text: str) -> bool:
        return "Failed to commit" in text and _DISK.search(text) is not None

    def _broken(self, kind: str, message: str) -> AnalysisSandboxError:
        if kind == "INTERNAL" and self._still_answers():
            return QueryError(f"DuckDB failed internally: {_first_line(message)}")
        self.is_broken = True
        if _FULL.search(message):
            return disk_error(_first_line(message))
        return UnavailableError(
            f"The warehouse failed and restarts; the statement may not have taken effect: "
            f"{_first_line(message)}",
            hint="Check the disk's free space and the warehouse's log, then try again.",
        )

    def _still_answers(self) -> bool:
        try:
            with closing(self._root.cursor()) as cursor:
                run(cursor, "SELECT 1")
        except duckdb.Error:
            return False
        return True


def disk_error(reason: str) -> UnavailableError:
    """Return the error for a disk that takes no more; `reason` is the system's."""
    return UnavailableError(
        f"The warehouse's disk is full, and the statement failed: {reason}",
        hint="Free some space, or drop tables: the warehouse then goes on by itself. Whatever was "
        "acknowledged before is kept.",
        details={"reason": "disk_full"},
    )


def check_file(file: Path) -> None:
    """Open a file and close it again.

    Raises:
        ConfigurationError: it is not one that this DuckDB can open.
    """
    with closing(_alone(file)):
        pass


def copy_file(source: Path, target: Path) -> None:
    """Write the data of a file that nobody has open into a new one.

    Raises:
        ConfigurationError: this DuckDB cannot open the file.
        UnavailableError: the copy cannot be written.
    """
    with closing(_alone(source)) as connection:
        try:
            run(connection, f"CHECKPOINT {PROJECT}")
            _copy_to(connection, target)
        except duckdb.Error as error:
            raise UnavailableError(
                f"The warehouse cannot be copied: {_first_line(str(error))}",
                hint="Check the disk's free space.",
            ) from error


def run(cursor: duckdb.DuckDBPyConnection, statement: duckdb.Statement | str) -> None:
    """Run a statement to its end without reading its rows."""
    cursor.execute(statement)
    cursor.complete()


def abandon(cursor: duckdb.DuckDBPyConnection) -> None:
    """Roll back whatever transaction is open, however often the attempt is interrupted."""
    while True:
        try:
            run(cursor, "ROLLBACK")
        except duckdb.InterruptException:
            continue
        except duckdb.Error:
            return
        else:
            return


def first_word(statement: duckdb.Statement) -> str:
    """Return the first word of a statement, after comments, in capitals."""
    return next((text.upper() for text, _ in _tokens(statement.query)), "")


def written_table(statement: duckdb.Statement) -> str:
    """Return the name of what a statement changes, as it is written there."""
    words = [text.lower() for text, _ in _tokens(statement.query[:_HEAD_CHARACTERS])]
    for word, following in pairwise(words):
        if word in {"update", "into", "from", "table", "view"} and following != "if":
            return following
    return " ".join(words[:1])


def _explained_word(statement: duckdb.Statement) -> str:
    words = [text.upper() for text, _ in _tokens(statement.query)][1:]
    if words[:1] == ["ANALYZE"]:
        words = words[1:]
    if words[:1] == ["("] and words[1:2] in (["ANALYZE"], ["FORMAT"]) and ")" in words:
        words = words[words.index(")") + 1 :]
    return next((word for word in words if not word.startswith("(")), "")


def _alone(file: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_CLOSED)
    run(connection, "SET enable_progress_bar = false")
    try:
        _attach(connection, file)
    except duckdb.Error as error:
        connection.close()
        raise _cannot_open(error) from error
    return connection


def _copy_to(cursor: duckdb.DuckDBPyConnection, file: Path) -> None:
    name = quoted(f"{SCRATCH_PREFIX}{uuid4().hex}")
    run(cursor, f"ATTACH {_text(file)} AS {name}")
    try:
        run(cursor, f"COPY FROM DATABASE {PROJECT} TO {name}")
    except duckdb.Error:
        run(cursor, f"DETACH {name}")
        file.unlink(missing_ok=True)
        raise
    run(cursor, f"DETACH {name}")


def _text(file: Path) -> str:
    return "'" + str(file).replace("'", "''") + "'"


def _attach(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    # Under a fixed name, so that SQL can say `project.sales` whatever the project is called.
    run(connection, f"ATTACH {_text(file)} AS {PROJECT}")
    run(connection, f"USE {PROJECT}")
    run(connection, "DETACH memory")


def _lock(connection: duckdb.DuckDBPyConnection) -> None:
    # The memory of one operator is the one thing a session may still choose, for itself.
    for setting in (
        "TimeZone = 'UTC'",
        "allowed_configs = ['operator_memory_limit']",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        run(connection, f"SET GLOBAL {setting}")


def _cannot_open(error: duckdb.Error) -> AnalysisSandboxError:
    text = str(error)
    if _FULL.search(text):
        return disk_error(_first_line(text))
    if "set lock" in text or "Conflicting lock" in text:
        return UnavailableError(
            f"Another program has the warehouse's file open: {_first_line(text)}",
            hint="Close it; only the warehouse process may have the file open.",
        )
    return ConfigurationError(
        f"The warehouse's file cannot be opened: {_first_line(text)}",
        hint="Restore it from a backup, or move it away to begin with an empty one.",
    )


def _refuse_by_tokens(sql: str) -> None:
    if not _SUSPICIOUS.search(sql):
        return
    previous = ""
    for text, kind in _tokens(sql):
        if SCRATCH_PREFIX in text.lower() and kind is not duckdb.token_type.string_const:
            raise StatementRefusedError("The scratch database of another run cannot be named")
        if text.startswith("(") and is_refused_function(_unquoted(previous)):
            raise StatementRefusedError(f"{previous} is not allowed in the warehouse")
        if previous == "(" and kind is duckdb.token_type.keyword and text.upper() == "COPY":
            raise StatementRefusedError(
                "COPY is not allowed in the warehouse", hint='Quote the name of a column: "copy".'
            )
        previous = text


def _unquoted(text: str) -> str:
    match = _QUOTED.match(text)
    return match.group(1).replace('""', '"') if match else text


def _tokens(sql: str) -> Iterator[tuple[str, duckdb.token_type]]:
    data = sql.encode()
    tokens = duckdb.tokenize(sql)
    ends = [offset for offset, _ in tokens[1:]] + [len(data)]
    for (start, kind), end in zip(tokens, ends, strict=True):
        if kind is not duckdb.token_type.comment:
            yield data[start:end].decode(errors="replace").strip(), kind


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _machine_memory_mb() -> int:
    """Return the memory of the machine, or of the container if that is less."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        limit = "max"
    return (memory if limit == "max" else min(memory, int(limit))) // _MEBIBYTE
