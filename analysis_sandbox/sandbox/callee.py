"""What was called, where the engine only says "not a function": read from the script's own line.

The engine's column is that of the call, or of what it evaluated last before it. Where that leaves
two candidates nothing is named, because the wrong name misleads more than none.
"""

import re

_NAME = r"[\w$#]+"
_CHAIN = rf"{_NAME}(?:\??\.{_NAME}|\??\.?\[[^\[\]]*\])*"
# A call right at the place, of a name or of the last member of a chain.
_CALL = re.compile(rf"(?P<chain>{_CHAIN})\s*(?:\?\.)?[(`]")
# What stands before the place: what the member belongs to, or a call whose arguments begin here.
_OWNER = re.compile(rf"(?P<owner>{_CHAIN}|[)\]}}\"'`/])?(?P<dot>\??\.)\s*$")
_OPENED = re.compile(rf"(?:(?P<owner>{_CHAIN}|[)\]}}\"'`/])(?P<dot>\??\.))?(?P<name>{_NAME})\($")
# What stands before a bracket that belongs to it: a call's, an index'; and a block's brace.
_APPLIED = re.compile(rf"(?:(?P<name>{_NAME})|[)\]}}\"'`])\s*(?:\?\.)?$")
_BLOCK = re.compile(r"(?:^|[;{})]|=>|\b(?:else|try|do|finally))\s*$")
_KEYWORDS = frozenset(
    {"async", "await", "case", "catch", "for", "function", "if", "in", "of", "return"}
    | {"switch", "throw", "typeof", "void", "while"}
)
# How far from the place brackets and names are looked for: the script may be anything.
_FAR, _NEAR = 5_000, 200
_LONGEST = 80


def called_at(code: str, line: int | None, column: int | None) -> str | None:
    """Return the text of what is called at a place (1-based) of a script, such as `ctx.nope`.

    None when the place does not show it for certain.
    """
    lines = code.split("\n")
    if line is None or column is None or not 1 <= line <= len(lines) or column < 1:
        return None
    shown = lines[line - 1]
    place = "\n".join([*lines[: line - 1], shown[: column - 1]])[-_FAR:]
    before = place[-_NEAR:]
    call = _CALL.match(shown[column - 1 :][:_NEAR])
    if call is not None and call["chain"] not in _KEYWORDS:
        owner, name, outside = _OWNER.search(before), call["chain"], place
    else:
        # The arguments of a call begin here, which is then the one that failed.
        opened = _OPENED.search(before)
        if opened is None or opened["name"] in _KEYWORDS:
            return None
        owner, name = opened if opened["dot"] else None, opened["name"]
        begin = opened.start("dot" if opened["dot"] else "name")
        outside = place[: len(place) - len(before) + begin]
    return None if _is_argument(outside) else _member(owner, name)


def _member(owner: re.Match[str] | None, name: str) -> str:
    if owner is None:
        return name[:_LONGEST]
    text = owner["owner"] or ""
    # What is no plain chain of names is not repeated.
    return f"{text if re.fullmatch(_CHAIN, text) else '(…)'}.{name}"[:_LONGEST]


def _is_argument(before: str) -> bool:
    """Tell whether a call or an index is open at the end of this part of a script."""
    depth = 0
    for index in range(len(before) - 1, -1, -1):
        character = before[index]
        if character in ")]}":
            depth += 1
        elif character in "([{" and depth > 0:
            depth -= 1
        elif character == "{" and _BLOCK.search(before[max(0, index - _NEAR) : index]):
            return False
        elif character in "([" and _is_applied(before[max(0, index - _NEAR) : index]):
            return True
    return False


def _is_applied(before: str) -> bool:
    applied = _APPLIED.search(before)
    return applied is not None and applied["name"] not in _KEYWORDS
