"""Whether a text is a script at all: size, characters, syntax, and whether it is TypeScript."""

import re

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
_CONTEXT = 300
_TOKEN = re.compile(r"[\w$]+|\S")
_ENGINE_WORDS = {
    "unexpected token in expression: ": "unexpected token ",
    "unexpected end of input": "unexpected end of the script",
    "unexpected end of string": "unexpected end of a line inside a text",
}
_END = "unexpected end of the script"
# What stands at the place where JavaScript stops understanding TypeScript, and before it.
_TYPE_AT = re.compile(
    r":\s*(?:string|number|boolean|any|unknown|void|never|object|bigint|undefined|[A-Z]\w*)\b"
)
_COLON_AT = re.compile(r":\s*(?!true\b|false\b|null\b)[A-Za-z_{(\[\"']")
_BINDING_BEFORE = re.compile(r"(?:\b(?:const|let|var)\s+[\w$]+|[(,]\s*[\w$]+|[)\]}])\??$")
_TYPED_AT = re.compile(
    r"<\s*[\w{]|(?:as|satisfies|implements)\b|\?\s*[:,)]|!\s*[.\[;),]"
    r"|(?:interface|enum|declare|abstract|namespace)\b"
)
_TYPED_BEFORE = re.compile(
    r"(?:^|;|\})\s*(?:export\s+)?(?:declare\s+)?(?:type|interface|namespace|enum|abstract)\s+\w*$"
    r"|\bimport\s+type\s*$|\b(?:private|public|protected|readonly|declare)\s+$"
    r"|\bnew\s+\w+<[\w\s,.|\[\]]*$"
)
_TYPED_CALLEE = re.compile(r"[\w$.]+<[\w\s,.|\[\]{}]+$")
# `{ a: 1 b: 2 }` is a forgotten comma, not a type.
_OBJECT_ENTRY = re.compile(r"[{,]\s*[\w'\"]+\s*:[^(]*$")


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


def engine_problem(error: ScriptError, source: str) -> str:
    """Return the engine's syntax error as `Syntax error at line 15: unexpected token ';' …`."""
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
    where = f"column {len(before) + 1}" if error.column else ""
    if token is not None and where and shown(token.group()) not in message:
        where = f"{where}, at {shown(token.group())}"
    return f"Syntax error at line {error.line}: {message}" + (f" ({where})" if where else "")


def further_problems(tree: ScriptTree, first: ScriptError) -> list[str]:
    """Return the syntax errors behind the engine's first one.

    The engine stops at its first error. The parser goes on, but what it finds then is only true
    where it could go on at once: so either all of its errors are small, or none is told.
    """
    broken = tree.nodes("ERROR", "missing")
    is_lost = "unexpected end" in first.message or any(_is_long(node) for node in broken)
    if first.line is None or is_lost:
        return []
    problems: dict[int, str] = {}
    for node in broken:
        place = line(node)
        if place <= first.line or place in problems:
            continue
        what = f"missing {shown(node.type)}" if node.is_missing else "unexpected token near "
        what += "" if node.is_missing else shown(tree.text(node))
        problems[place] = f"Syntax error at line {place}: {what} (column {tree.column(node)})"
    return list(problems.values())[:_MOST_ERRORS]


def typescript_problem(error: ScriptError, source: str) -> str | None:
    """Return what to do when a syntax error is where TypeScript begins, else None."""
    if error.line is None:
        return None
    before, at = _around(error, source)
    left = before[-_CONTEXT:]
    is_typed = _TYPED_BEFORE.search(left) or _TYPED_AT.match(at)
    if not _OBJECT_ENTRY.search(left):
        is_typed = is_typed or _TYPE_AT.match(at)
        is_typed = is_typed or (_COLON_AT.match(at) and _BINDING_BEFORE.search(left))
    if not is_typed:
        return None
    return _untranslated(f"line {error.line}, column {len(before) + 1}: {shown(at.strip()[:40])}")


def type_arguments(tree: ScriptTree) -> str | None:
    """Return what to do about `call<Type>(…)`, which JavaScript takes for two comparisons."""
    for node in tree.nodes("binary_expression"):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        is_call = right is not None and right.type == "parenthesized_expression"
        if is_call and left is not None and _TYPED_CALLEE.match(tree.text(left)):
            return _untranslated(f"line {line(node)}: {shown(tree.text(node)[:40])}")
    return None


def _untranslated(place: str) -> str:
    return (
        f"TypeScript needs to be translated to JavaScript first, which this version cannot do "
        f"({place}): write the script without types"
    )


def _around(error: ScriptError, source: str) -> tuple[str, str]:
    """Return the text of the error's line before and after its place; the engine counts bytes."""
    lines = re.split("\r\n|[\n\r\u2028\u2029]", source)
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
