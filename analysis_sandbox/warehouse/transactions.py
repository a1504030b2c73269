"""Statements of one session: its transaction, and statements alone that collided with another.

DuckDB lets the later of two writers of the same row fail at once. A statement that is a transaction
by itself is run again; one inside a transaction of the session is not, because only its author
knows what the earlier statements were worth.
"""

import random
import re
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import duckdb

from analysis_sandbox.errors import AnalysisSandboxError, QueryError, WriteConflictError
from analysis_sandbox.warehouse.calls import CurrentCall
from analysis_sandbox.warehouse.engine import Engine, abandon, first_word, run, written_table

_Result = TypeVar("_Result")

_READING = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN})
_CHANGE = re.compile(r"\b(?:insert|update|delete|merge)\b", re.IGNORECASE)
_ATTEMPTS = 60
_TURN_SECONDS = 0.25
_CONTESTED_SECONDS = 10
_LONGEST_PAUSE = 0.05


class Turns:
    """Order among statements that write where others collided lately: shared by all sessions.

    Statements run side by side until two collide on a table. For a while after that, those that
    write it go one after the other, which is faster than colliding again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contested: dict[str, _Contested] = {}

    def run(
        self,
        target: Callable[[], str],
        action: Callable[[], _Result],
        *,
        check: Callable[[], None],
    ) -> _Result:
        """Run `action`, which writes to `target`, again until it does not collide.

        `check` may raise to give up.

        Raises:
            WriteConflictError: it collided every time.
        """
        contested = self._find(target) if self._contested else None
        for attempt in range(_ATTEMPTS):
            check()
            try:
                if contested is None:
                    return action()
                # One long statement must not hold up every other: after a while go anyway.
                with contested.turn(_TURN_SECONDS):
                    return action()
            except WriteConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise
                contested = self._contest(target())
            if attempt:
                longest = min(_LONGEST_PAUSE, 0.0005 * 2**attempt)
                time.sleep(random.uniform(0, longest))  # noqa: S311
        raise AssertionError

    def _find(self, target: Callable[[], str]) -> "_Contested | None":
        with self._lock:
            contested = self._contested.get(target())
        is_current = contested is not None and contested.until >= time.monotonic()
        return contested if is_current else None

    def _contest(self, target: str) -> "_Contested":
        now = time.monotonic()
        with self._lock:
            for name in [name for name, old in self._contested.items() if old.until < now]:
                del self._contested[name]
            contested = self._contested.setdefault(target, _Contested())
            contested.until = now + _CONTESTED_SECONDS
            return contested


class _Contested:
    """A table that statements collided on, until when that counts, and whose turn it is."""

    def __init__(self) -> None:
        self.until = 0.0
        self._turn = threading.Lock()

    @contextmanager
    def turn(self, patience: float) -> Generator[None, None, None]:
        has_turn = self._turn.acquire(timeout=patience)
        try:
            yield
        finally:
            if has_turn:
                self._turn.release()


class Transaction:
    """The transaction of one session, as its statements begin and end it."""

    def __init__(
        self,
        engine: Engine,
        cursor: duckdb.DuckDBPyConnection,
        *,
        call: CurrentCall,
        turns: Turns,
    ) -> None:
        self._engine = engine
        self._cursor = cursor
        self._call = call
        self._turns = turns
        self._failure: AnalysisSandboxError | None = None
        self.is_open = False

    def run(self, statement: duckdb.Statement) -> None:
        """Run one statement to its end."""
        if statement.type is duckdb.StatementType.TRANSACTION:
            self._control(statement)
        else:
            self.repeatable(statement, lambda: run(self._cursor, statement))

    def repeatable(self, statement: duckdb.Statement, action: Callable[[], _Result]) -> _Result:
        """Run `action`, one statement, again when it collided and is a transaction by itself."""
        if self.is_open or _only_reads(statement):
            return self.once(action)
        result = self._turns.run(
            lambda: written_table(statement), lambda: self.once(action), check=self._call.check
        )
        self.note_change()
        return result

    def once(self, action: Callable[[], _Result]) -> _Result:
        """Run `action` in the engine and translate its errors."""
        try:
            with self._call.in_engine():
                return action()
        # Arrow reports the engine's errors as its own and as OSError.
        except (duckdb.Error, ValueError, TypeError, RuntimeError, OSError) as error:
            translated = self._call.cancelled or self._engine.translate(error)
            self._failure = translated
            raise translated from error

    def roll_back(self) -> None:
        """Undo what the session has not committed. Does nothing outside a transaction."""
        if self.is_open:
            self.is_open = False
            abandon(self._cursor)

    @contextmanager
    def read_only(self) -> Generator[None, None, None]:
        """Be in a transaction that the engine lets write nothing."""
        self.once(lambda: run(self._cursor, "BEGIN TRANSACTION READ ONLY"))
        try:
            yield
        finally:
            abandon(self._cursor)

    def begin(self) -> None:
        """Begin a transaction."""
        self.once(lambda: run(self._cursor, "BEGIN TRANSACTION"))
        self.is_open = True
        self._failure = None

    def commit(self) -> None:
        """Commit; DuckDB would silently roll a failed transaction back, here that is an error.

        Raises:
            QueryError: an earlier statement of the transaction failed, nothing is stored.
            WriteConflictError: another transaction changed the same data.
        """
        failure = self._failure
        if self.is_open and failure is not None and self._is_aborted():
            self.roll_back()
            kind = WriteConflictError if failure.transient else QueryError
            raise kind(
                f"The transaction was rolled back, nothing of it is stored, because a statement in "
                f"it failed: {failure.message}",
                hint="Begin the transaction again.",
            )
        self.once(lambda: self._end("COMMIT"))
        self.note_change()

    def note_change(self) -> None:
        """Let remembered results go, unless the change waits for its COMMIT."""
        if not self.is_open:
            self._engine.cache.changed()

    def _control(self, statement: duckdb.Statement) -> None:
        word = first_word(statement)
        if word in {"COMMIT", "END"}:
            self.commit()
        elif word in {"ROLLBACK", "ABORT"}:
            self.once(lambda: self._end("ROLLBACK"))
        elif self.is_open:
            raise QueryError("A transaction is open already; COMMIT or ROLLBACK it first")
        else:
            self.begin()

    def _end(self, word: str) -> None:
        """Whether it works or not, and even if interrupted, no transaction is open afterwards."""
        self.is_open = False
        try:
            run(self._cursor, word)
        except duckdb.Error:
            abandon(self._cursor)
            raise

    def _is_aborted(self) -> bool:
        try:
            run(self._cursor, "SELECT 1")
        except duckdb.TransactionException:
            return True
        return False


def _only_reads(statement: duckdb.Statement) -> bool:
    """Tell whether a statement cannot collide; a SELECT may hold a change in its WITH."""
    return statement.type in _READING and not _CHANGE.search(statement.query)
