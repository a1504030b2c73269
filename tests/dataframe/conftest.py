"""Frames as a script uses them: every argument and every answer crosses as JSON text."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.limits import Limits
from analysis_sandbox.values import decode, encode

Row = dict[str, Any]


def call(method: str, receiver: Any = None, *arguments: Any) -> dict[str, Any]:
    """A column expression as it crosses."""
    return {"$expr": [method, receiver, *arguments]}


def col(name: str) -> dict[str, Any]:
    """A column as it crosses."""
    return call("col", None, name)


class Script:
    """Calls the host functions of one run as the sandbox does."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.frames = Frames(limits or Limits())
        self._functions = self.frames.synchronous()

    def ask(self, function: str, *arguments: Any) -> Any:
        given = decode(json.dumps(arguments))
        return decode(encode(self._functions[function](*given)))

    def create(self, rows: list[Any]) -> int:
        # `encode` would change what only crosses into a script, such as large integers.
        return decode(encode(self._functions["frame.create"](rows)))

    def apply(self, handle: int, step: str, *arguments: Any) -> int:
        return self.ask("frame.apply", handle, step, list(arguments))

    def collect(self, handle: int) -> list[Row]:
        return self.ask("frame.collect", handle)

    def after(self, rows: list[Any], step: str, *arguments: Any) -> list[Row]:
        """The rows after one step."""
        return self.collect(self.apply(self.create(rows), step, *arguments))

    def values(self, rows: list[Any], expression: Any) -> list[Any]:
        """The values of an expression over these rows."""
        selected = self.apply(self.create(rows), "select", {"result": expression})
        return [row["result"] for row in self.collect(selected)]


@pytest.fixture
def script() -> Iterator[Script]:
    """The script of a run with the default limits."""
    script = Script()
    yield script
    script.frames.close()
