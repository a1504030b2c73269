"""Reads YAML that strangers wrote: fast, and safe against what would exhaust stack or memory."""

from collections.abc import Iterable
from typing import Any, cast

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The fast reader recurses in C: a text that is nested deeper would end the process.
_DEEPEST = 200
# Merge keys copy what they refer to, so that a few lines could become gigabytes.
_MOST_KEYS = 10_000

YAMLProblem = yaml.YAMLError


class _Loader(_Base):
    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _MOST_KEYS:
            raise YAMLProblem(f"a mapping has more than {_MOST_KEYS} keys")


def parse_yaml(text: str) -> object:
    """Return the data that YAML text is.

    Raises:
        YAMLProblem: it is none, is nested too deeply, or grows too large.
    """
    depth = 0
    # PyYAML has no type information.
    events = cast("Iterable[object]", cast("Any", yaml).parse(text, Loader=_Base))
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise YAMLProblem(f"nested deeper than {_DEEPEST} levels")
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # it is a SafeLoader
