"""`python -m bench`: measure everything, print a table, write docs/benchmarks.md."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import children, frames, hostile, launching, loads, warehouse
from bench.installation import installation
from bench.measure import Figure

_DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_MARK = "<!-- measured: everything below this line is written by `make bench` -->"


def main() -> None:
    """Measure and report."""
    sections: dict[str, Sequence[Figure]] = {"Sandbox": children.figures()}
    sections["DataFrames"] = frames.figures()
    sections["Limits"] = hostile.figures()
    with installation() as running:
        sections["Runs"] = launching.figures(running)
        sections["Loads and streams"] = loads.figures(running)
    sections["Warehouse"] = warehouse.figures()
    _print(sections)
    _write(sections)


def _print(sections: dict[str, Sequence[Figure]]) -> None:
    for title, figures in sections.items():
        table = Table("what", "measured", "bar", "holds", title=title)
        for figure in figures:
            table.add_row(figure.what, figure.value, figure.bar, _mark(figure))
        Console().print(table)


def _write(sections: dict[str, Sequence[Figure]]) -> None:
    kept = _DOCUMENT.read_text(encoding="utf-8").partition(_MARK)[0]
    lines = [
        _MARK,
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} with `make bench` on {_machine()}.",
    ]
    for title, figures in sections.items():
        lines += ["", f"## {title}", "", "| what | measured | bar | holds |", "|---|---|---|---|"]
        lines += [f"| {f.what} | {f.value} | {f.bar} | {_mark(f)} |" for f in figures]
    _DOCUMENT.write_text(kept + "\n".join(lines) + "\n", encoding="utf-8")


def _machine() -> str:
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def _mark(figure: Figure) -> str:
    return {True: "yes", False: "**no**", None: ""}[figure.holds]


if __name__ == "__main__":
    main()
