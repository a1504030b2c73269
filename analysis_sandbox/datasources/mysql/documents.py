"""Tells json columns apart from other long texts, which MariaDB describes in the same way."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pymysql

from analysis_sandbox.datasources.mysql.discovery import json_columns
from analysis_sandbox.datasources.mysql.sessions import Session, Sessions
from analysis_sandbox.datasources.mysql.values import Column, Raw, decoder
from analysis_sandbox.values import JSONValue

_MOST_TABLES = 1000


class Documents:
    """Asks once per table, on a connection of its own: the statement's still has rows to give."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], frozenset[str]] = {}

    def decoder(
        self, connection: Session, columns: Sequence[Column]
    ) -> Callable[[Sequence[Raw]], list[JSONValue]]:
        """Return what makes JSON data of a row."""
        if connection.is_mariadb and any(column.may_be_json for column in columns):
            self._learn({column.origin[:2] for column in columns if column.may_be_json})
            columns = [self._told(column) for column in columns]
        decoders = [decoder(column) for column in columns]

        def decode(row: Sequence[Raw]) -> list[JSONValue]:
            return [
                None if value is None else convert(value)
                for convert, value in zip(decoders, row, strict=True)
            ]

        return decode

    def _told(self, column: Column) -> Column:
        with self._lock:
            known = self._known.get(column.origin[:2], frozenset[str]())
        return replace(column, kind="json") if column.origin[2] in known else column

    def _learn(self, tables: Iterable[tuple[str, str]]) -> None:
        with self._lock:
            unknown = [table for table in tables if table not in self._known]
            if len(self._known) > _MOST_TABLES:
                self._known.clear()
        if not unknown:
            return
        connection = self._sessions.connect()
        try:
            for schema, table in unknown:
                found = json_columns(connection, schema, table)
                with self._lock:
                    self._known[schema, table] = found
        finally:
            with contextlib.suppress(pymysql.err.Error):
                connection.close()
