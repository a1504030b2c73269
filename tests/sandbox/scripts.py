"""Scripts, hosts and calls as the sandbox' tests need them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.supervisor import Entry, HostFunctions, ScriptCall
from analysis_sandbox.values import JSONObject

FILENAME = "monthly_report.js"

FACTS: JSONObject = {
    "run_id": "0d4f2c",
    "analysis_id": "monthly_report",
    "version": 3,
    "attempt": 1,
    "schedule": None,
    "datasources": {
        "postgres_main": {"type": "postgresql", "operations": ["query", "execute"]},
        "files": {"type": "s3", "operations": ["get"]},
    },
    "read_only": False,
}

Functions = Mapping[str, Callable[..., object]]


@dataclass
class Host:
    """Host functions by name, and what the script logged."""

    asynchronous: Functions = field(default_factory=dict[str, Callable[..., object]])
    synchronous: Functions = field(default_factory=dict[str, Callable[..., object]])
    lines: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def functions(self) -> HostFunctions:
        """What the sandbox takes."""
        return HostFunctions(
            asynchronous=self.asynchronous, synchronous=self.synchronous, log=self._log
        )

    def _log(self, level: str, message: str) -> None:
        self.lines.append((level, message))


class Metadata:
    """Metadata in a dictionary, as synchronous host functions."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    @property
    def functions(self) -> dict[str, Callable[..., object]]:
        """The host functions."""

        def delete(key: str) -> None:
            self.values.pop(key, None)

        return {
            "metadata.get": self.values.get,
            "metadata.set": self.values.__setitem__,
            "metadata.has": self.values.__contains__,
            "metadata.delete": delete,
            "metadata.list": lambda: sorted(self.values),
        }


def analysis(body: str) -> str:
    """Return a script whose run function has this body, which begins on line 2."""
    return f'export default {{ title: "t", run: async (ctx, params) => {{\n{body}\n}} }};\n'


def call(code: str, **changes: Any) -> ScriptCall:
    """Return a call of `code`; a text without `export` is the body of a run function."""
    facts = {**FACTS, **changes.pop("facts", {})}
    entry: Entry = changes.pop("entry", "run")
    limits = Limits(**changes.pop("limits", {}))
    parameters: JSONObject = changes.pop("parameters", {})
    return ScriptCall(
        code=code if "export" in code else analysis(code),
        filename=FILENAME,
        entry=entry,
        parameters=parameters,
        context=facts,
        limits=limits,
        **changes,
    )
