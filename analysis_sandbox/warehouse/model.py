"""What the warehouse tells about its tables."""

from dataclasses import dataclass
from typing import Literal

from analysis_sandbox.values import EncodedJSON, JSONObject

LoadMode = Literal["replace", "append", "error"]


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column: its name, DuckDB's name of its type, whether it may hold null."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one statement: a JSON array of objects by column."""

    columns: tuple[str, ...]
    count: int
    text: EncodedJSON


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table or view.

    `size_bytes` is an estimate: the blocks that the data takes in the file, and 16 bytes for each
    value that is not there yet. A view takes none.
    """

    name: str
    columns: tuple[ColumnInfo, ...]
    row_count: int
    size_bytes: int

    def for_script(self) -> JSONObject:
        """Return the form a script sees, with its names in camel case."""
        return {
            "name": self.name,
            "columns": [
                {"name": column.name, "type": column.type, "nullable": column.nullable}
                for column in self.columns
            ],
            "rowCount": self.row_count,
            "sizeBytes": self.size_bytes,
        }
