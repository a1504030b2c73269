"""Results that name a table of the warehouse in place of its rows."""

import json
import threading
from collections.abc import Mapping
from typing import cast

from analysis_sandbox.values import EncodedJSON, JSONObject, JSONValue, encode
from analysis_sandbox.warehouse.model import TableInfo

_KEYS = frozenset({"table", "rowCount", "columns", "preview"})


class References:
    """The tables that one run asked to refer to; what merely looks like a reference is none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[str, int] = {}

    def add(self, info: TableInfo, preview: EncodedJSON) -> EncodedJSON:
        """Return what a script puts into its result; `preview` are the first rows."""
        with self._lock:
            self._tables[info.name] = info.row_count
        facts = info.for_script()
        head = encode({
            "table": info.name, "rowCount": info.row_count, "columns": facts["columns"],
        })  # fmt: skip
        return EncodedJSON(f'{head[:-1]},"preview":{preview}}}')

    def conclude(self, result: str) -> list[JSONValue]:
        """Return the tables that a result refers to: itself (key null), or by its members' keys."""
        if not self._tables:
            return []
        value: JSONValue = json.loads(result)
        found: list[JSONValue] = []
        if not isinstance(value, Mapping):
            return found
        for key, item in ((None, value), *value.items()):
            if (table := self._table_of(item)) is not None:
                found.append({"key": key, "table": table, "rowCount": self._tables[table]})
        return found

    def _table_of(self, value: JSONValue) -> str | None:
        if not isinstance(value, Mapping) or value.keys() != _KEYS:
            return None
        table = value["table"]
        return table if isinstance(table, str) and table in self._tables else None


def displayed(display: JSONObject | None, references: list[JSONValue]) -> JSONObject | None:
    """Return the hints for showing a result together with its references."""
    if not references:
        return display
    hints = display or cast("JSONObject", {"tables": [], "charts": []})
    return {**hints, "references": references}
