"""The cases: fragments by topic and whole modules, with what Node says of each stored beside them.

A case begins with `//# its name`; `//: covers a, b` names what it is about, `//: differs why` says
that our answer is another one on purpose.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES = sorted((Path(__file__).parent / "cases").glob("*.js"))
MODULES = sorted((Path(__file__).parent / "modules").glob("*.js"))
_RUN = """
const answers = {};
for (const [name, run] of Object.entries(cases)) {
  try {
    const value = await run();
    answers[name] = value === undefined ? "undefined" : JSON.stringify(value);
  } catch (error) {
    answers[name] = `throws ${error?.name}: ${error?.message}`;
  }
}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One fragment: the body of an async function."""

    name: str
    body: str
    covers: tuple[str, ...]
    differs: str | None


def read(path: Path) -> list[Case]:
    """Return the cases of a file."""
    blocks = re.split(r"^//# ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [_case(*block.partition("\n")[::2]) for block in blocks]


def _case(name: str, body: str) -> Case:
    covers = re.findall(r"^//: covers (.*)$", body, re.MULTILINE)
    differs = re.search(r"^//: differs (.*)$", body, re.MULTILINE)
    return Case(
        name=name.strip(),
        body=body,
        covers=tuple(item.strip() for line in covers for item in line.split(",")),
        differs=differs[1] if differs else None,
    )


def for_sandbox(cases: Sequence[Case]) -> str:
    """Return an analysis that runs the cases one after another."""
    return f"export default {{ async run() {{ {_table(cases)} {_RUN} return answers; }} }};"


def for_node(cases: Sequence[Case]) -> str:
    """Return a module that runs the cases and writes their answers."""
    last = "process.stdout.write(JSON.stringify(answers), () => process.exit());"
    # What the cases log is no answer.
    quiet = "for (const name of Object.keys(console)) console[name] = () => undefined;"
    return f"{quiet} {_table(cases)} {_RUN} {last}"


def _table(cases: Sequence[Case]) -> str:
    rows = [f"{json.dumps(case.name)}: async () => {{\n{case.body}\n}}" for case in cases]
    return "const cases = {" + ",\n".join(rows) + "};"


def module_for_node(path: Path) -> str:
    """Return a module that runs the analysis and writes its result."""
    source = json.dumps(path.read_text(encoding="utf-8"))
    return (
        f"const analysis = await import('data:text/javascript,' + encodeURIComponent({source}));"
        "process.stdout.write(JSON.stringify(await analysis.default.run({}, {})));"
    )


def stored(path: Path) -> dict[str, Any]:
    """Return the stored answers: of Node, and ours where they differ on purpose."""
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
