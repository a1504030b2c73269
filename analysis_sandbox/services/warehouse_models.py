"""What the warehouse's use cases answer."""

from typing import Any, Literal

from pydantic import Field

from analysis_sandbox.services.models import Answer

_ROWS = (
    "Objects by column. Inside the program it may be JSON text (`EncodedJSON`), which the faces "
    "pass on undecoded."
)


class WarehouseEntry(Answer):
    """A table or view of the warehouse."""

    name: str
    kind: Literal["table", "view"]
    columns: int = Field(description="How many.")
    row_count: int | None = Field(description="About how many rows; null for a view.")


class WarehouseTables(Answer):
    """Everything in the project's warehouse."""

    tables: list[WarehouseEntry]


class WarehouseColumn(Answer):
    """One column, with DuckDB's name of its type."""

    name: str
    type: str
    nullable: bool


class WarehouseTable(Answer):
    """A table or view in full."""

    name: str
    columns: list[WarehouseColumn]
    row_count: int
    size_bytes: int = Field(description="An estimate; a view takes none.")


class WarehouseRows(Answer):
    """The rows of one statement."""

    columns: list[str]
    row_count: int
    rows: Any = Field(description=_ROWS)


class WarehouseDone(Answer):
    """Statements that were run, or a table that was dropped."""

    success: bool = True


class ResultRows(Answer):
    """Some rows of the table that a job's result names, as the table is now."""

    job_id: str
    key: str | None = Field(description="The member of the result; null: the result itself.")
    table: str
    offset: int
    limit: int
    next_offset: int | None = Field(description="Where the next rows are; null at the end.")
    row_count: int = Field(description="How many rows the table has now.")
    row_count_of_result: int = Field(
        description="How many it had when the job ended: another number tells that it has changed."
    )
    columns: list[WarehouseColumn]
    rows: Any = Field(description=_ROWS)
