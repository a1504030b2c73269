"""The sandbox as these tests use it: the host functions that need no data, and nothing else."""

import json
from typing import Any

from analysis_sandbox.execution.host import pure_host
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.supervisor import Sandbox, ScriptCall

_LIMITS = Limits(timeout_ms=100_000, memory_mb=512)


def run(sandbox: Sandbox, code: str) -> Any:
    """Run a module and return the parsed result of its run function; an error is raised."""
    host = pure_host(_LIMITS, log=lambda _level, _message: None)
    call = ScriptCall(
        code=code,
        filename="case.js",
        entry="run",
        parameters={},
        context={
            "run_id": "0d4f2c",
            "analysis_id": "case",
            "version": 1,
            "attempt": 1,
            "schedule": None,
            "datasources": {},
            "read_only": False,
        },
        limits=_LIMITS,
    )
    outcome = sandbox.run(call, host)
    if outcome.error is not None:
        raise outcome.error
    assert outcome.value is not None
    return json.loads(outcome.value)


def evaluate(sandbox: Sandbox, body: str) -> Any:
    """Return what the body of an async function returns in the sandbox, as JSON."""
    code = f"const main = async () => {{\n{body}\n}};\n"
    return run(
        sandbox,
        f"{code}export default {{ run: async () => ({{ json: JSON.stringify(await main()) }}) }};",
    )["json"]
