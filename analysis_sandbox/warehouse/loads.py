"""How a stream of rows becomes a table, or part of one: replaced, appended, by partition."""

# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

import contextlib
from collections.abc import Generator, Sequence

import duckdb
import pyarrow as pa

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.warehouse.engine import abandon, run
from analysis_sandbox.warehouse.tables import quoted
from analysis_sandbox.warehouse.transactions import Transaction

SOURCE = "__loaded_stream"
_STAGE = "temp.main.__loaded_rows"


class Loads:
    """Writes what is registered as `SOURCE` on a session's cursor into its tables."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, transaction: Transaction) -> None:
        self._cursor = cursor
        self._transaction = transaction

    def store(self, table: str, schema: pa.Schema, mode: str, partition: Sequence[str]) -> int:
        """Store all rows or none and return how many.

        With `partition`, the mode `replace` removes only rows whose values in these columns are
        among the new ones.
        """
        target = f"main.{quoted(table)}"
        if mode == "append":
            return self._append(target, schema)
        if mode == "replace" and partition:
            return self._replace_partitions(target, schema, partition)
        create = "CREATE OR REPLACE TABLE" if mode == "replace" else "CREATE TABLE"
        return self._count(f"{create} {target} AS SELECT * FROM {SOURCE}")

    def _append(self, target: str, schema: pa.Schema) -> int:
        """Create the table when it is missing and insert by column name."""
        with self._all_or_nothing():
            self._create_missing(target, schema)
            return self._count(f"INSERT INTO {target} BY NAME SELECT * FROM {SOURCE}")

    def _replace_partitions(self, target: str, schema: pa.Schema, partition: Sequence[str]) -> int:
        missing = [name for name in partition if name not in schema.names]
        if missing:
            raise ValidationFailedError(
                f"The rows have no column '{missing[0]}' to partition by. "
                f"They have: {', '.join(schema.names)}"
            )
        keys = ", ".join(quoted(name) for name in partition)
        same = " AND ".join(
            f"old.{quoted(name)} IS NOT DISTINCT FROM new.{quoted(name)}" for name in partition
        )
        with self._all_or_nothing():
            self._create_missing(target, schema)
            # The stream can be read once; its rows are needed twice.
            run(self._cursor, f"CREATE TEMP TABLE {_STAGE} AS SELECT * FROM {SOURCE}")
            run(
                self._cursor,
                f"DELETE FROM {target} AS old USING (SELECT DISTINCT {keys} FROM {_STAGE}) AS new "
                f"WHERE {same}",
            )
            rows = self._count(f"INSERT INTO {target} BY NAME SELECT * FROM {_STAGE}")
            run(self._cursor, f"DROP TABLE {_STAGE}")
            return rows

    def _create_missing(self, target: str, schema: pa.Schema) -> None:
        empty = f"{SOURCE}_empty"
        self._cursor.register(empty, schema.empty_table())
        run(self._cursor, f"CREATE TABLE IF NOT EXISTS {target} AS SELECT * FROM {empty}")
        self._cursor.unregister(empty)

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Generator[None]:
        if self._transaction.is_open:
            yield
            return
        run(self._cursor, "BEGIN TRANSACTION")
        is_stored = False
        try:
            yield
            run(self._cursor, "COMMIT")
            is_stored = True
        finally:
            if not is_stored:
                abandon(self._cursor)

    def _count(self, sql: str) -> int:
        return int(self._cursor.execute(sql).fetchall()[0][0])
