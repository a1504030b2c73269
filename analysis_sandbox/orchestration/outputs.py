"""What Dagster shows of a completed run, and of scripts: metadata of outputs and jobs."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

import dagster as dg

from analysis_sandbox.execution.model import RunOutcome
from analysis_sandbox.values import JSONValue

_MAX_CELL_CHARACTERS = 500
_MAX_COLUMNS = 50

Cell = str | int | float | bool


def output_metadata(outcome: RunOutcome) -> dict[str, dg.MetadataValue]:
    """Return where the result is, what it looks like, and what it took to make it."""
    usage = outcome.usage
    return {
        "status": dg.MetadataValue.text("skipped" if outcome.skipped else "completed"),
        "result": dg.MetadataValue.path(outcome.result_path),
        "result_size_bytes": dg.MetadataValue.int(outcome.result_size_bytes),
        "preview": _preview(outcome.preview),
        "execution_time_ms": dg.MetadataValue.int(outcome.execution_time_ms),
        "peak_memory_bytes": dg.MetadataValue.int(usage.peak_memory_bytes),
        "cpu_ms": dg.MetadataValue.float(float(usage.cpu_ms)),
        "host_calls": dg.MetadataValue.int(usage.host_calls),
        "bytes_in": dg.MetadataValue.int(usage.bytes_in),
        "bytes_out": dg.MetadataValue.int(usage.bytes_out),
        "sandbox_layers": dg.MetadataValue.json(dict(outcome.layers)),
    }


def code_block(text: str, language: str) -> dg.MetadataValue:
    """Return text as a block of code, whatever backticks it holds."""
    fence = "```"
    while fence in text:
        fence += "`"
    return dg.MetadataValue.md(f"{fence}{language}\n{text}\n{fence}")


def _preview(value: JSONValue) -> dg.MetadataValue:
    if _is_rows(value):
        return _table(value)
    if isinstance(value, dict | list):
        return dg.MetadataValue.json(value)
    return dg.MetadataValue.json({"value": value})


def _is_rows(value: JSONValue) -> TypeGuard[Sequence[Mapping[str, JSONValue]]]:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(row, dict) and 0 < len(row) <= _MAX_COLUMNS for row in value)


def _table(rows: Sequence[Mapping[str, JSONValue]]) -> dg.MetadataValue:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return dg.MetadataValue.table(
        records=[dg.TableRecord({name: _cell(row.get(name)) for name in columns}) for row in rows],
        schema=dg.TableSchema(columns=[dg.TableColumn(name=name) for name in columns]),
    )


def _cell(value: JSONValue) -> Cell:
    if isinstance(value, int | float | bool):
        return value
    text = "" if value is None else str(value)
    return text if len(text) <= _MAX_CELL_CHARACTERS else f"{text[:_MAX_CELL_CHARACTERS]}…"
