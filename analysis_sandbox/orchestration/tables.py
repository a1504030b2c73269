"""Rows of a result as Dagster shows them: tables, with the columns and formats of its hints."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard, cast

import dagster as dg

from analysis_sandbox.values import JSONObject, JSONValue

_MAX_CELL_CHARACTERS = 500
_MAX_COLUMNS = 50
_DIGITS = {"integer": 0, "percent": 1, "currency": 2}
_NUMBERS = ("number", "integer", "percent", "currency")

Cell = str | int | float | bool
Row = Mapping[str, JSONValue]


def is_rows(value: JSONValue) -> TypeGuard[Sequence[Row]]:
    """Tell whether a value is a list of objects that a table can show."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(row, dict) and 0 < len(row) <= _MAX_COLUMNS for row in value)


def table(rows: Sequence[Row]) -> dg.MetadataValue:
    """Return rows with every column that any of them has."""
    return _table(rows, [{"name": name} for name in _names(rows)])


def display_metadata(display: JSONObject | None, preview: JSONValue) -> dict[str, dg.MetadataValue]:
    """Return what the hints of a result say: its tables from the preview, its charts as they are.

    A table shows the rows that the preview has; its description says how many are left out.
    """
    found: dict[str, dg.MetadataValue] = {}
    for hint in _hints(display, "tables"):
        rows = _rows(preview, str(hint["key"]))
        shown = [cast("Row", row) for row in rows if isinstance(row, dict)]
        if shown:
            columns = hint.get("columns") or [{"name": name} for name in _names(shown)]
            found[_label("table", hint, hint["key"], found)] = _table(shown, columns)
        notes = [row for row in rows if isinstance(row, str)]
        if notes:
            found[_label("rows left out", hint, hint["key"], found)] = dg.MetadataValue.text(
                f"{notes[-1].removeprefix('… ')}: the result has them all"
            )
    for hint in _hints(display, "charts"):
        found[_label("chart", hint, hint["data"], found)] = dg.MetadataValue.json(hint)
    return found


def _hints(display: JSONObject | None, kind: str) -> Sequence[dict[str, Any]]:
    return cast("Sequence[dict[str, Any]]", (display or {}).get(kind) or ())


def _label(kind: str, hint: Mapping[str, Any], key: object, taken: Mapping[str, object]) -> str:
    label = f"{kind}: {hint.get('title') or key}"
    return label if label not in taken else f"{label} ({len(taken)})"


def _rows(value: JSONValue, key: str) -> Sequence[JSONValue]:
    """Return what the preview has at a key, or at a path of keys."""
    if isinstance(value, dict) and key not in value:
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    elif isinstance(value, dict):
        value = value[key]
    return value if isinstance(value, list) else ()


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _table(rows: Sequence[Row], columns: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    labels = {str(column["name"]): str(column.get("label") or column["name"]) for column in columns}
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    labels[str(column["name"])]: _cell(row.get(str(column["name"])), column)
                    for column in columns
                }
            )
            for row in rows
        ],
        schema=dg.TableSchema(
            columns=[
                dg.TableColumn(name=label, description=None if label == name else name)
                for name, label in labels.items()
            ]
        ),
    )


def _cell(value: JSONValue, column: Mapping[str, Any]) -> Cell:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value, column)
    text = "" if value is None else str(value)
    return text if len(text) <= _MAX_CELL_CHARACTERS else f"{text[:_MAX_CELL_CHARACTERS]}…"


def _number(value: float, column: Mapping[str, Any]) -> Cell:
    kind = column.get("format")
    digits = column.get("digits", _DIGITS.get(str(kind)))
    if kind not in _NUMBERS or digits is None:
        return value
    if kind == "percent":
        return f"{value * 100:.{digits}f} %"
    if kind == "currency":
        return f"{value:,.{digits}f} {column.get('currency') or ''}".rstrip()
    return round(value) if digits == 0 else round(value, digits)
