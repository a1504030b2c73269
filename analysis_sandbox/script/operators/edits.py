"""Insertions and replacements in a text, made all at once."""

from dataclasses import dataclass

from tree_sitter import Node

# At one place: what ends comes first, then what stands between, then what begins.
_END, _BETWEEN, _BEGIN = range(3)


@dataclass(frozen=True, slots=True)
class Edit:
    """`start` and `end` count characters; what is between them becomes `text`."""

    start: int
    end: int
    text: str


class TextEdits:
    """Collects edits in bytes of a text, outer ones before the inner ones."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._edits: list[tuple[int, int, int, int, str]] = []

    def begin(self, position: int, text: str, *, removed: int = 0) -> None:
        """Put `text`, which begins with a name, where something begins."""
        before = self._source[position - 1 : position]
        # `return-x`: the name must not become a part of the word.
        space = " " if before.isalnum() or before in {b"_", b"$"} or before > b"\x7f" else ""
        self._edits.append((position, _BEGIN, len(self._edits), removed, space + text))

    def end(self, position: int, text: str = ")") -> None:
        """Put `text` where something ends."""
        self._edits.append((position, _END, -len(self._edits), 0, text))

    def replace(self, node: Node, text: str) -> None:
        """Put `text` in the place of a token."""
        length = node.end_byte - node.start_byte
        self._edits.append((node.start_byte, _BETWEEN, len(self._edits), length, text))

    def ordered(self) -> tuple[Edit, ...]:
        """Return the edits in the order of the text."""
        ordered: list[Edit] = []
        done = characters = 0
        for position, _rank, _sequence, removed, text in sorted(self._edits):
            # Only whole characters of one byte are ever removed.
            characters += len(self._source[done:position].decode("utf-8"))
            ordered.append(Edit(characters, characters + removed, text))
            done = position
        return tuple(ordered)


def apply_edits(text: str, edits: tuple[Edit, ...]) -> str:
    """Return the text with the edits made."""
    parts: list[str] = []
    done = 0
    for edit in edits:
        parts += (text[done : edit.start], edit.text)
        done = edit.end
    parts.append(text[done:])
    return "".join(parts)
