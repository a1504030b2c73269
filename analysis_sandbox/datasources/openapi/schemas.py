"""Writes the schemas of a document for readers: references filled in, of a bounded size."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from analysis_sandbox.values import JSONObject, JSONValue

Resolve: TypeAlias = Callable[[object], Mapping[str, Any]]
_DEEPEST = 12
# A few lines of YAML with aliases, or of references, can stand for billions of nodes.
_MOST_NODES = 2_000
_CUT = "…"


def type_of(schema: object, resolve: Resolve) -> str:
    """Return a schema's type in one word for people; of several, those that are not null."""
    found = resolve(schema)
    kinds = found.get("type")
    if isinstance(kinds, str):
        return kinds
    names = [str(kind) for kind in _list(kinds)]
    choices = (*_list(found.get("anyOf")), *_list(found.get("oneOf")))
    names += [str(resolve(choice).get("type") or "any") for choice in choices]
    return "|".join(name for name in dict.fromkeys(names) if name != "null") or "any"


def written_out(schema: object, resolve: Resolve) -> JSONObject:
    """Return a schema with what it refers to; what is too deep or too much is cut with `…`."""
    found = _Writer(resolve).written(schema, (), 0)
    return found if isinstance(found, dict) else {}


class _Writer:
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._left = _MOST_NODES

    def written(self, node: object, above: tuple[str, ...], depth: int) -> JSONValue:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return _CUT
        if isinstance(node, Mapping):
            return self._object(cast("Mapping[object, object]", node), above, depth)
        if isinstance(node, list):
            items = cast("list[object]", node)
            return [self.written(item, above, depth + 1) for item in self._some(items)]
        return node if isinstance(node, bool | int | float | str | None) else str(node)

    def _object(
        self, node: Mapping[object, object], above: tuple[str, ...], depth: int
    ) -> JSONValue:
        reference = node.get("$ref")
        if isinstance(reference, str):
            name = reference.rpartition("/")[2]
            # A type within itself is named, not repeated.
            if reference in above:
                return {"title": name}
            resolved = cast("Mapping[object, object]", self._resolve(node))
            node, above = ({"title": name, **resolved} if resolved else {}), (*above, reference)
        return {
            str(key): self.written(value, above, depth + 1)
            for key, value in self._some(list(node.items()))
        }

    def _some(self, items: list[Any]) -> list[Any]:
        return items[: max(0, self._left)]


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
