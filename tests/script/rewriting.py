"""Running scripts as they are and with their operators rewritten, in a real sandbox."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis_sandbox.sandbox.supervisor import CallOutcome, ScriptCall
from analysis_sandbox.script.operators.rewriting import rewrite_operators

Evaluate = Callable[[ScriptCall], CallOutcome]

# Values in a form that tells 1 from "1", 0 from -0 and 1 from 1n.
_SHOW = """
const show = (value) => {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return value.toString();
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : `${value}`;
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return `${typeof value} ${value}`;
};
"""
_FRAME = """
export default {{ title: "t", async run() {{
const out = [];
try {{
{body}
}} catch (error) {{ out.push(`${{error.name}}: ${{error.message}}`); }}
return {{ out: out.map(show) }};
}} }};
"""


def cases(name: str) -> list[str]:
    """Return the programs in a file beside this one."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return text.split("// ---\n")[1:]


def program(body: str) -> str:
    """Return a script that pushes results of `body` into `out`; `body` begins on line 16."""
    return _SHOW + _FRAME.format(body=body)


def results(evaluate: Evaluate, code: str) -> Any:
    """Run a program and return what it put out."""
    call = ScriptCall(
        code=code, filename="report.js", entry="run", parameters={}, context={"datasources": {}}
    )
    outcome = evaluate(call)
    if outcome.error is not None:
        return f"{type(outcome.error).__name__}: {outcome.error.message}"
    assert outcome.value is not None
    return json.loads(outcome.value)["out"]


def rewritten_results(evaluate: Evaluate, body: str, *, everywhere: bool = False) -> Any:
    """Run a program after its operators were rewritten."""
    rewritten = rewrite_operators(program(body), everywhere=everywhere)
    assert rewritten.code.count("\n") == program(body).count("\n")
    return results(evaluate, rewritten.code)
