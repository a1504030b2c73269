"""Changes of a text that keep its lines: blanks, single characters in blanks, insertions."""

import re
from collections import defaultdict

_BLANKED = re.compile(rb"\x01+")
_VISIBLE = re.compile("[^\n\r\u2028\u2029]")


class Edits:
    """Changes collected over the UTF-8 bytes of a text, by offset.

    A blanked character leaves a blank, so that what stands behind it keeps its column; only
    insertions move the rest of their line.
    """

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._mask = bytearray(len(source))
        self._placed: dict[int, str] = {}
        self._insertions: defaultdict[int, str] = defaultdict(str)

    @property
    def is_empty(self) -> bool:
        """Tell whether the text stays as it is."""
        return not self._insertions and 1 not in self._mask

    def has_blank_in_line(self, line: int) -> bool:
        """Tell whether a character of a line was blanked; lines count from 1."""
        start = 0
        for _ in range(line - 1):
            start = self._source.find(b"\n", start) + 1
            if start == 0:
                return False
        end = self._source.find(b"\n", start)
        return self._mask.find(1, start, end if end >= 0 else len(self._source)) >= 0

    def blank(self, start: int, end: int) -> None:
        """Replace every character but line ends by a blank."""
        self._mask[start:end] = b"\1" * (end - start)

    def is_blank(self, offset: int) -> bool:
        """Tell whether the character at this offset was blanked."""
        return offset < len(self._mask) and bool(self._mask[offset])

    def place(self, offset: int, character: str) -> None:
        """Put one character in the place of the one that begins at this offset."""
        self._mask[offset] = 1
        self._placed[offset] = character

    def insert(self, offset: int, text: str) -> None:
        """Put a text without line ends before this offset, behind what was inserted there."""
        self._insertions[offset] += text

    def remaining(self) -> bytes:
        """Return what is not blanked, every byte in its place."""
        left = bytearray(self._source)
        for run in _BLANKED.finditer(self._mask):
            start, end = run.span()
            left[start:end] = re.sub(rb"[^\r\n]", b" ", left[start:end])
        return bytes(left)

    def apply(self) -> "Edited":
        """Return the changed text."""
        parts: list[str] = []
        position = 0
        # In one pass over all offsets: a text can hold as many changes as characters.
        for offset in sorted({*self._insertions, *self._placed}):
            parts += [self._piece(position, offset), self._insertions.get(offset, "")]
            position = offset
            if offset in self._placed:
                parts.append(self._placed[offset])
                position = self._next_character(offset)
        parts.append(self._piece(position, len(self._source)))
        return Edited("".join(parts), self._shifts())

    def _piece(self, start: int, end: int) -> str:
        parts: list[str] = []
        position = start
        for run in _BLANKED.finditer(self._mask, start, end):
            parts.append(self._decoded(position, run.start()))
            parts.append(_VISIBLE.sub(" ", self._decoded(run.start(), run.end())))
            position = run.end()
        return "".join([*parts, self._decoded(position, end)])

    def _decoded(self, start: int, end: int) -> str:
        return self._source[start:end].decode("utf-8")

    def _next_character(self, offset: int) -> int:
        offset += 1
        while offset < len(self._source) and self._source[offset] & 0xC0 == 0x80:
            offset += 1
        return offset

    def _shifts(self) -> dict[int, list[tuple[int, int]]]:
        shifts: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        line, column, position = 1, 1, 0
        for offset in sorted(self._insertions):
            before = self._decoded(position, offset)
            lines = before.count("\n")
            column = len(before) - before.rfind("\n") if lines else column + len(before)
            line, position = line + lines, offset
            shifts[line].append((column, len(self._insertions[offset])))
        return dict(shifts)


class Edited:
    """A changed text, and where each place of it was before."""

    def __init__(self, text: str, shifts: dict[int, list[tuple[int, int]]]) -> None:
        self.text = text
        self._shifts = shifts

    def is_moved(self, line: int) -> bool:
        """Tell whether something was inserted into a line."""
        return line in self._shifts

    def is_inserted(self, line: int, column: int) -> bool:
        """Tell whether a place of the changed text was in none of the text before."""
        return self.column(line, column) == self.column(line, column + 1)

    def column(self, line: int, column: int) -> int:
        """Return the column that a place of the changed text had; both count from 1."""
        moved = 0
        for start, length in self._shifts.get(line, ()):
            if column < start + moved:
                break
            moved += min(length, column - start - moved)
        return column - moved
