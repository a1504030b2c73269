"""A Dagster resource for engineers' own assets: a project's warehouse, through its process.

It stands in for `dagster_duckdb.DuckDBResource`, which opens the file itself and so waits for, or
locks out, every run:

    from dagster import Definitions, asset
    from analysis_sandbox.orchestration.warehouse_resource import WarehouseResource

    @asset
    def large_orders(duckdb: WarehouseResource):
        with duckdb.get_connection() as conn:
            conn.execute("CREATE OR REPLACE TABLE large AS FROM orders WHERE amount > ?", [100])
            return conn.execute("SELECT count(*) FROM large").fetchone()[0]

    Definitions(assets=[large_orders], resources={"duckdb": WarehouseResource()})

What needs the engine in this process does not exist here: reading Python variables as tables (use
`load`), files, extensions, settings.
"""
# pyarrow ships no type information, pandas and Polars are optional.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

import contextlib
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
from dagster import ConfigurableResource
from pydantic import Field

from analysis_sandbox.errors import MissingDependencyError, ValidationFailedError
from analysis_sandbox.settings import load_settings
from analysis_sandbox.sql.warehouse_policy import check_script
from analysis_sandbox.warehouse.client import Warehouse, WarehouseSession
from analysis_sandbox.warehouse.model import LoadMode
from analysis_sandbox.warehouse.plain_arrow import plain_rows

_NOTHING = pa.table({})


class WarehouseConnection:
    """The part of DuckDB's connection that assets use: execute, fetch…, transactions.

    A result is read whole into this process when it is executed, as Arrow. Values are Python's own:
    UUIDs, 128-bit integers and other types of DuckDB alone have to be cast to be read.
    """

    def __init__(self, session: WarehouseSession) -> None:
        self._session = session
        self._table: pa.Table = _NOTHING
        self._position = 0

    def execute(
        self, query: str, parameters: Sequence[object] | Mapping[str, object] | None = None
    ) -> Self:
        """Run statements; the rows of a single one can be fetched.

        Raises:
            StatementRefusedError: a statement is not allowed in the warehouse.
            QueryError: DuckDB refused it.
            WriteConflictError: another transaction changed the same data; begin again.
        """
        self._table, self._position = _NOTHING, 0
        if parameters is None and check_script(query).statements > 1:
            self._session.execute(query)
            return self
        with self._session.read_arrow(query, parameters) as reader:
            self._table = plain_rows(reader).read_all()
        return self

    def sql(self, query: str) -> Self:
        """Run one statement; as `execute`."""
        return self.execute(query)

    def executemany(self, query: str, parameters: Sequence[Sequence[object]]) -> Self:
        """Run one statement for each list of parameters, all or nothing."""
        is_ours = not self._session.has_transaction
        if is_ours:
            self.begin()
        try:
            for values in parameters:
                self.execute(query, values)
        except BaseException:
            if is_ours:
                self.rollback()
            raise
        if is_ours:
            self.commit()
        return self

    def load(self, table: str, data: Any, *, mode: LoadMode = "replace") -> int:
        """Write an Arrow table or reader, a Polars or a pandas frame into a table."""
        return self._session.load(table, _reader_of(data), mode=mode)

    def begin(self) -> Self:
        """Begin a transaction."""
        self._session.execute("BEGIN TRANSACTION")
        return self

    def commit(self) -> Self:
        """Commit the transaction."""
        self._session.execute("COMMIT")
        return self

    def rollback(self) -> Self:
        """Roll the transaction back."""
        self._session.execute("ROLLBACK")
        return self

    @property
    def description(self) -> list[tuple[str, str, None, None, None, None, None]]:
        """Name and type of each column of the result."""
        return [
            (field.name, str(field.type), None, None, None, None, None)
            for field in self._table.schema
        ]

    @property
    def columns(self) -> list[str]:
        """The names of the columns of the result."""
        return list(self._table.column_names)

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, None at the end."""
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """Return the next rows."""
        part = self._table.slice(self._position, size)
        self._position += part.num_rows
        columns = [column.to_pylist() for column in part.columns]
        return list(zip(*columns, strict=True))

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that were not fetched yet."""
        return self.fetchmany(self._table.num_rows)

    def fetch_arrow_table(self) -> pa.Table:
        """Return the result as an Arrow table."""
        return self._table

    arrow = fetch_arrow_table
    to_arrow_table = fetch_arrow_table

    def fetchdf(self) -> Any:
        """Return the result as a pandas frame; raises `MissingDependencyError` without pandas."""
        try:
            return self._table.to_pandas()
        except ImportError:
            raise MissingDependencyError(
                "fetchdf() needs pandas, which is not installed: install it, or use pl() or arrow()"
            ) from None

    df = fetchdf
    fetch_df = fetchdf

    def pl(self) -> Any:
        """Return the result as a Polars frame."""
        import polars  # noqa: PLC0415 - large, and not everybody asks for it

        return polars.from_arrow(self._table)

    def close(self) -> None:
        """End the session; an open transaction is rolled back."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class WarehouseResource(ConfigurableResource[WarehouseConnection]):
    """Gives connections to a project's warehouse."""

    project: str = Field(default="default", description="Whose warehouse.")
    home: str | None = Field(
        default=None, description="The installation's directory; that of the environment if unset."
    )
    memory_mb: int = Field(
        default=1024, ge=16, description="Memory of one operator of a statement, in MB."
    )
    timeout_ms: int | None = Field(
        default=None, ge=1, description="The longest that one call may take; unlimited if unset."
    )

    @contextlib.contextmanager
    def get_connection(self) -> Generator[WarehouseConnection, None, None]:
        """Give a connection that is closed at the end, also after an error.

        Raises:
            UnavailableError: the warehouse cannot be started.
        """
        settings = load_settings(Path(self.home) if self.home else None)
        session = Warehouse(settings, self.project).session(
            memory_mb=self.memory_mb, timeout_ms=self.timeout_ms
        )
        with contextlib.closing(WarehouseConnection(session)) as connection:
            yield connection


def _reader_of(data: Any) -> pa.RecordBatchReader:
    if isinstance(data, pa.RecordBatchReader):
        return data
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data)
    raise ValidationFailedError(
        f"{type(data).__name__} cannot be loaded; give an Arrow table or reader, or a frame of "
        "Polars or pandas"
    )
