"""Whether a text is a script at all: size, characters, syntax."""

import re
from collections.abc import Callable, Iterable

from tree_sitter import Node

from analysis_sandbox.errors import ScriptError
from analysis_sandbox.script.tree import ScriptTree, line
from analysis_sandbox.script.wording import shown

MAX_SCRIPT_BYTES = 1 << 20
MAX_NESTING = 1000
# Recovering from errors costs the parser more than the text is worth when there is much of it.
MAX_RECOVERY_BYTES = 32 << 10
_MOST_ERRORS = 20
_OPENING = b"([{"
_NO_BRACKETS = bytes(set(range(256)) - set(b"()[]{}"))
_TOKEN = re.compile(r"[\w$]+|\S")
_LINE_ENDS = re.compile("\r\n|[\n\r\u2028\u2029]")
_ENGINE_WORDS = {
    "unexpected token in expression: ": "unexpected token ",
    "unexpected end of input": "unexpected end of the script",
    "unexpected end of string": "unexpected end of a line inside a text",
}
_END = "unexpected end of the script"


def text_problems(source: str) -> list[str]:
    """Return why a text cannot be read as a script: too large, or characters it cannot hold."""
    problems: list[str] = []
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_SCRIPT_BYTES:
        problems.append(
            f"The script has {size} bytes; the limit is {MAX_SCRIPT_BYTES} (1 MB). "
            "Keep data in a datasource, not in the script"
        )
    if (place := source.find("\0")) >= 0:
        problems.append(f"Line {_line_at(source, place)} holds a null character; remove it")
    if found := re.search("[\ud800-\udfff]", source):
        problems.append(
            f"Line {_line_at(source, found.start())} holds half of a surrogate pair; "
            "save the script as UTF-8"
        )
    if not problems and (depth := _nesting(source)) > MAX_NESTING:
        problems.append(
            f"The script's brackets are nested {depth} levels deep; the limit is {MAX_NESTING}"
        )
    return problems


def is_syntax_error(error: ScriptError) -> bool:
    """Tell whether the script itself did not compile; `JSON.parse` throws SyntaxErrors, too."""
    frames = [text for text in (error.stack or "").split("\n") if text.startswith("    at ")]
    return error.name == "SyntaxError" and not (frames and frames[-1].endswith(")"))


def engine_problem(
    error: ScriptError, source: str, *, column: Callable[[int, int], int] | None = None
) -> str:
    """Return the engine's syntax error as `Syntax error at line 15: unexpected token ';' …`.

    `source` is what the engine read; where that is not what the author wrote, `column` turns a line
    and column of it into the author's column.
    """
    message = error.message.strip() or "unexpected token"
    message = message[0].lower() + message[1:]
    for theirs, ours in _ENGINE_WORDS.items():
        message = message.replace(theirs, ours)
    if error.line is None:
        return f"Syntax error: {message}"
    before, at = _around(error, source)
    token = _TOKEN.match(at)
    if token is None and message.startswith("unexpected token"):
        message = _END
    place = len(before) + 1
    place = column(error.line, place) if column else place
    where = f"column {place}" if error.column else ""
    if token is not None and where and shown(token.group()) not in message:
        where = f"{where}, at {shown(token.group())}"
    return f"Syntax error at line {error.line}: {message}" + (f" ({where})" if where else "")


def error_column(error: ScriptError, source: str) -> int:
    """Return the column of an error in characters; the engine counts bytes."""
    return len(_around(error, source)[0]) + 1


def further_problems(tree: ScriptTree, broken: list[Node], first: ScriptError) -> list[str]:
    """Return the syntax errors of `broken` nodes that are behind the engine's first one.

    The engine stops at its first error. The parser goes on, but what it finds then is only true
    where it could go on at once: so either all of its errors are small, or none is told.
    """
    is_lost = "unexpected end" in first.message or any(_is_long(node) for node in broken)
    if first.line is None or is_lost:
        return []
    return parser_problems(tree, (node for node in broken if line(node) > (first.line or 0)))


def parser_problems(tree: ScriptTree, broken: Iterable[Node]) -> list[str]:
    """Return the parser's syntax errors at these nodes, one for a line."""
    problems: dict[int, str] = {}
    for node in broken:
        place = line(node)
        what = f"missing {shown(node.type)}" if node.is_missing else "unexpected token near "
        what += "" if node.is_missing else shown(tree.text(node))
        message = f"Syntax error at line {place}: {what} (column {tree.column(node)})"
        problems.setdefault(place, message)
    return list(problems.values())[:_MOST_ERRORS]


def _around(error: ScriptError, source: str) -> tuple[str, str]:
    """Return the text of the error's line before and after its place; the engine counts bytes."""
    lines = _LINE_ENDS.split(source)
    text = lines[error.line - 1] if error.line and error.line <= len(lines) else ""
    before = text.encode("utf-8")[: (error.column or 1) - 1].decode("utf-8", "ignore")
    return before, text[len(before) :]


def _is_long(node: Node) -> bool:
    return node.start_point[0] != node.end_point[0]


def _nesting(source: str) -> int:
    """Return how deep brackets are nested, counting those in texts and comments, too."""
    depth = deepest = 0
    for bracket in source.encode("utf-8").translate(None, delete=_NO_BRACKETS):
        depth = depth + 1 if bracket in _OPENING else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _line_at(source: str, offset: int) -> int:
    return source.count("\n", 0, offset) + 1
