r"""The `pattern` of a parameter: a JavaScript regular expression, matched in linear time.

It means what `new RegExp(pattern, "u").test(value)` means: it may match anywhere in the text unless
it is anchored with `^` and `$`. The matcher is Rust's, which cannot be made to run for long;
look-around and back-references, which it does not have, are refused when the script is saved.
"""

import functools
import re
from collections.abc import Callable

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.wording import shown

LONGEST_PATTERN = 1000
_DIGIT, _WORD = "0-9", "0-9A-Za-z_"
_CLASSES = {"d": _DIGIT, "w": _WORD}
_CONTROLS = {"n": r"\n", "r": r"\r", "t": r"\t", "v": r"\x0B", "f": r"\x0C", "0": r"\x00"}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_TOKEN = re.compile(
    r"""
      (?P<escape>\\(?:u\{[0-9A-Fa-f]{1,6}\}|u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}
                     |u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[pP]\{[\w=]{1,60}\}|c[A-Za-z]|0[0-9]?|.))
    | (?P<group>\((?:\?(?:<[=!]|[=!]|:|<\w+>|[im]*(?:-[im]+)?:)?)?)
    | (?P<repeat>(?:[*+?]|\{[0-9]{1,9}(?:,[0-9]{0,9})?\})\??)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_WIDTHLESS = frozenset({"|", "^", "$", r"\b"})
_LOOK_AROUND = frozenset({"(?=", "(?!", "(?<=", "(?<!"})


@functools.lru_cache(maxsize=32)
def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Return a test for texts.

    Raises:
        ValidationFailedError: not a regular expression of JavaScript, or one that needs
            backtracking; the message says what is wrong with it.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValidationFailedError(
            f"has {len(pattern)} characters; the limit is {LONGEST_PATTERN}"
        )
    try:
        schema = core_schema.str_schema(pattern=_translate(pattern), regex_engine="rust-regex")
        validator = SchemaValidator(schema)
    except SchemaError as error:
        reason = str(error).strip().rpartition("error: ")[2].rpartition("SchemaError: ")[2]
        raise ValidationFailedError(
            f"{shown(pattern)} is not a regular expression: {reason}"
        ) from error

    def matches(text: str) -> bool:
        try:
            validator.validate_python(text)
        except ValidationError:
            return False
        return True

    return matches


def _translate(pattern: str) -> str:
    """Return the same expression in Rust's syntax, where the two differ."""
    parts: list[str] = []
    position = 0
    can_repeat = False
    while position < len(pattern):
        if pattern[position] == "[":
            text, position = _character_class(pattern, position)
            parts.append(text)
            can_repeat = True
            continue
        match = _TOKEN.match(pattern, position)
        assert match is not None
        if match.lastgroup == "repeat" and not can_repeat:
            raise ValidationFailedError(f"has nothing to repeat at {shown(match.group())}")
        can_repeat = match.lastgroup in {"escape", "other"} and match.group() not in _WIDTHLESS
        parts.append(_token(match))
        position = match.end()
    return "".join(parts)


def _token(match: re.Match[str]) -> str:
    text = match.group()
    if match.lastgroup == "escape":
        return _escape(text[1:])
    if text in _LOOK_AROUND:
        raise ValidationFailedError(f"uses look-around {shown(text)}, which is not supported")
    if text == "(?":
        raise ValidationFailedError("holds a '(?' that JavaScript does not know")
    if text == ".":
        return r"[^\n\r\u2028\u2029]"
    if text in {"{", "}", "]"}:
        raise ValidationFailedError(f"holds a lone {shown(text)}; write \\{text}")
    return text


def _escape(body: str) -> str:
    head = body[0]
    if head.lower() in _CLASSES:
        negated = "^" if head.isupper() else ""
        return f"[{negated}{_CLASSES[head.lower()]}]"
    if head == "b":
        return r"(?-u:\b)"
    if head in {"s", "S"}:
        return f"\\{head}"
    return _literal_escape(body)


def _literal_escape(body: str) -> str:
    head = body[0]
    if body in _CONTROLS:
        return _CONTROLS[body]
    if head == "u" and "\\" in body:
        pair = bytes.fromhex(body[1:5] + body[7:])
        return f"\\u{{{ord(pair.decode('utf-16-be')):X}}}"
    if head in {"p", "P", "x", "u"} and len(body) > 1:
        return f"\\{body}"
    if head == "c" and len(body) > 1:
        return f"\\x{ord(body[1]) % 32:02X}"
    if head.isdigit() or head == "k":
        raise ValidationFailedError(f"uses a back-reference \\{head}, which is not supported")
    if body in _SYNTAX or body == "-":
        return f"\\{body}"
    raise ValidationFailedError(f"holds \\{body}, which is not supported")


def _character_class(pattern: str, start: int) -> tuple[str, int]:
    position = start + 1
    is_negated = pattern.startswith("^", position)
    position += is_negated
    atoms: list[tuple[str, bool]] = []
    while not pattern.startswith("]", position):
        match = _TOKEN.match(pattern, position)
        if match is None:
            raise ValidationFailedError("holds a [ that is never closed")
        if match.lastgroup == "escape":
            atoms.append(_class_escape(match.group()[1:]))
            position = match.end()
        else:
            atoms.append((pattern[position], True))
            position += 1
    if not atoms:
        return (r"[\s\S]" if is_negated else r"[^\s\S]"), position + 1
    return f"[{'^' if is_negated else ''}{_join(atoms)}]", position + 1


def _class_escape(body: str) -> tuple[str, bool]:
    """Return the text inside a class, and whether it is one character (not a set)."""
    head = body[0]
    if head in _CLASSES:
        return _CLASSES[head], False
    if head.lower() in _CLASSES:
        return f"[^{_CLASSES[head.lower()]}]", False
    if head in {"s", "S", "p", "P"}:
        return (f"\\{head}" if head in {"s", "S"} else _literal_escape(body)), False
    return (r"\x08" if head == "b" else _literal_escape(body)), True


def _join(atoms: list[tuple[str, bool]]) -> str:
    text: list[str] = []
    index = 0
    while index < len(atoms):
        atom, is_character = atoms[index]
        is_range = index + 2 < len(atoms) and atoms[index + 1] == ("-", True)
        if is_range and is_character and atoms[index + 2][1]:
            text.append(f"{_in_class(atom)}-{_in_class(atoms[index + 2][0])}")
            index += 3
        else:
            text.append(_in_class(atom) if is_character else atom)
            index += 1
    return "".join(text)


def _in_class(atom: str) -> str:
    return f"\\{atom}" if atom in {"[", "&", "~", "-", "^"} else atom
