"""What Dagster shows of a completed run, and of scripts: metadata of outputs and jobs."""

import dagster as dg

from analysis_sandbox.execution.model import RunOutcome
from analysis_sandbox.orchestration.tables import display_metadata, is_rows, table
from analysis_sandbox.values import JSONValue


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
        "peak_heap_bytes": dg.MetadataValue.int(usage.peak_heap_bytes),
        "sandbox_layers": dg.MetadataValue.json(dict(outcome.layers)),
        **display_metadata(outcome.display, outcome.preview),
    }


def code_block(text: str, language: str) -> dg.MetadataValue:
    """Return text as a block of code, whatever backticks it holds."""
    fence = "```"
    while fence in text:
        fence += "`"
    return dg.MetadataValue.md(f"{fence}{language}\n{text}\n{fence}")


def _preview(value: JSONValue) -> dg.MetadataValue:
    if is_rows(value):
        return table(value)
    if isinstance(value, dict | list):
        return dg.MetadataValue.json(value)
    return dg.MetadataValue.json({"value": value})
