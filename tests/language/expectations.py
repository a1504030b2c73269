"""Asks Node for every expectation, and the sandbox where ours differ on purpose, and stores them.

Run it as `python -m tests.language.expectations` after cases have changed, and read the difference.
"""

import json
from typing import Any

from analysis_sandbox.sandbox.supervisor import Sandbox
from tests.language import sandboxed, suite
from tests.language.node import run_module


def main() -> None:
    """Write the file of answers beside every file of cases."""
    with Sandbox() as sandbox:
        for path in suite.CASES:
            cases = suite.read(path)
            answers: dict[str, Any] = {"node": run_module(suite.for_node(cases)), "ours": {}}
            differing = [case for case in cases if case.differs]
            if differing:
                answers["ours"] = sandboxed.run(sandbox, suite.for_sandbox(differing))
            text = json.dumps(answers, indent=1, ensure_ascii=False)
            path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    for path in suite.MODULES:
        answer = json.dumps(run_module(suite.module_for_node(path)), indent=1)
        path.with_suffix(".json").write_text(answer + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
