"""TypeScript's own judgement of a script's types, asked of Deno, which comes with an extra."""

import json
import re
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tree_sitter import Node

from analysis_sandbox.errors import MissingDependencyError, UnavailableError
from analysis_sandbox.sandbox import runtime
from analysis_sandbox.script.deno import find_deno, run_deno
from analysis_sandbox.script.packages.specifiers import parse_specifier
from analysis_sandbox.script.tree import ScriptTree, operands
from analysis_sandbox.script.typescript.edits import Edited, Edits
from analysis_sandbox.script.typescript.grammar import parse_typescript

EXTRA_HINT = "pip install 'analysis-sandbox[typescript]'"
_SECONDS = 20.0
_AT_ONCE = 2
_MOST_ERRORS = 50
_LONGEST_MESSAGE = 400
_SCRIPT, _CONTRACT = "script.ts", "contract.d.ts"
# What a default export must be: the rest of it is checked where it is read.
_STORED = "$StoredAnalysis"
_CONTRACT_TEXT = f"type {_STORED} = Partial<Analysis> & Record<string, unknown>;\n"
_CONFIGURATION = {
    "compilerOptions": {
        "lib": ["es2023"],
        "types": ["./analysis.d.ts", f"./{_CONTRACT}"],
        "strict": True,
        # JavaScript with a few types is welcome, too.
        "noImplicitAny": False,
        "useUnknownInCatchVariables": False,
    }
}
_ARGUMENTS = (
    *("check", "--quiet", "--no-remote", "--no-npm", "--no-lock", "--config", "deno.json"),
    *("--v8-flags=--max-old-space-size=512", _SCRIPT),
)
# What a comment can say to the checker about the code; the rest would name files to read.
_KEPT_COMMENT = re.compile(r"/[/*]+\s*@ts-(?:ignore|expect-error|nocheck)\b")
_MODULE_STATEMENTS = ("import_statement", "export_statement", "import_require_clause")
_FOUND = re.compile(
    r"^TS(?P<code>\d+) \[ERROR\]: (?P<text>.*?)"
    rf"^ {{4}}at file://\S*/{re.escape(_SCRIPT)}:(?P<line>\d+):(?P<column>\d+)$",
    re.DOTALL | re.MULTILINE,
)
_UNREADABLE = re.compile(
    r"^error: (?:SyntaxError: )?(?P<text>.*)\n(?:.*\n)*?"
    rf" {{4}}at file://\S*/{re.escape(_SCRIPT)}:(?P<line>\d+):(?P<column>\d+)$",
    re.MULTILINE,
)
# An import that cannot be resolved is of any type: packages are bundled without their types.
_UNRESOLVED = frozenset({"2307", "2792", "7016"})


class TypeChecker(Protocol):
    """Checks the types of a script against those of `ctx`."""

    def check(self, source: str) -> list[str]:
        """Return the type errors of TypeScript.

        Raises:
            MissingDependencyError: the checker is not installed.
            UnavailableError: it did not answer in time.
        """
        ...


class DenoTypeChecker:
    """Checks with the compiler inside of Deno, which reads nothing but the script. Thread-safe."""

    def __init__(self, cache_directory: Path) -> None:
        """Let Deno keep what it needs again in `cache_directory`."""
        self._cache = cache_directory.absolute()
        # Each check takes a core and some hundred megabytes.
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    def check(self, source: str) -> list[str]:
        """Return the type errors of TypeScript.

        Raises:
            MissingDependencyError: the extra is not installed.
            UnavailableError: it did not answer in time.
        """
        try:
            find_deno()
        except MissingDependencyError as error:
            raise MissingDependencyError(
                "That needs the typescript extra, which is not installed", hint=EXTRA_HINT
            ) from error
        prepared = _prepare(source)
        with self._turns, tempfile.TemporaryDirectory(prefix="analysis-types-") as name:
            directory = Path(name)
            files = {
                _SCRIPT: prepared.text,
                _CONTRACT: _CONTRACT_TEXT,
                "analysis.d.ts": runtime.read("analysis.d.ts"),
                "deno.json": json.dumps(_CONFIGURATION),
            }
            for file, text in files.items():
                (directory / file).write_text(text, encoding="utf-8")
            environment = {"DENO_DIR": str(self._cache), "HOME": name}
            finished = run_deno(_ARGUMENTS, directory, environment=environment, seconds=_SECONDS)
        if finished.code == 0:
            return []
        return _read(finished.output, prepared)


def _prepare(source: str) -> Edited:
    """Return the script as it is checked: its default export is an analysis, and no file is named.

    A compiler reads every file that its input names, in imports and comments, and quotes from it.
    """
    tree = parse_typescript(source)
    edits = Edits(source.encode("utf-8"))
    for comment in tree.nodes("comment"):
        if not _KEPT_COMMENT.match(tree.text(comment)):
            edits.blank(comment.start_byte, comment.end_byte)
    for text in _specifiers(tree):
        if parse_specifier(tree.literal(text) or "") is None:
            edits.blank(text.start_byte + 1, text.end_byte - 1)
            edits.place(text.start_byte + 1, "x")
    for value in _exported(tree):
        edits.insert(value.end_byte, f" satisfies {_STORED}")
    return edits.apply()


def _specifiers(tree: ScriptTree) -> Iterator[Node]:
    """Return the texts that name modules, in statements and in types."""
    for statement in tree.nodes(*_MODULE_STATEMENTS):
        if (text := statement.child_by_field_name("source")) is not None:
            yield text
    for call in tree.nodes("call_expression"):
        function = call.child_by_field_name("function")
        if function is not None and function.type == "import":
            texts = operands(call.child_by_field_name("arguments"))
            yield from (text for text in texts if text.type in {"string", "template_string"})
    for module in tree.nodes("module"):
        name = module.child_by_field_name("name")
        if name is not None and name.type == "string":
            yield name


def _exported(tree: ScriptTree) -> Iterator[Node]:
    """Return the default export, or the object that it names where no type is stated for it."""
    values = [node.child_by_field_name("value") for node in tree.nodes("export_statement")]
    value = next((node for node in values if node is not None), None)
    if value is None:
        return
    if value.type != "identifier":
        yield value
        return
    name = tree.text(value)
    for variable in tree.nodes("variable_declarator"):
        target, content = (variable.child_by_field_name(field) for field in ("name", "value"))
        is_meant = target is not None and tree.text(target) == name
        is_untyped = variable.child_by_field_name("type") is None
        if is_meant and is_untyped and content is not None and content.type == "object":
            yield content


def _read(output: str, prepared: Edited) -> list[str]:
    lines = prepared.text.split("\n")
    errors = [
        f"Type error at {_place(found, lines, prepared)}: {_message(found, lines)} (TS{code})"
        for found in _FOUND.finditer(output)
        if (code := found["code"]) not in _UNRESOLVED
    ]
    errors += [
        f"Syntax error at {_place(found, lines, prepared)}: {found['text']}"
        for found in _UNREADABLE.finditer(output)
    ]
    if not errors and not _FOUND.search(output):
        raise UnavailableError("The type checker ended without an answer")
    unique = list(dict.fromkeys(errors))
    more = len(unique) - _MOST_ERRORS
    return [*unique[:_MOST_ERRORS], *([f"… and {more} more type errors"] if more > 0 else [])]


def _place(found: re.Match[str], lines: list[str], prepared: Edited) -> str:
    line, units = int(found["line"]), int(found["column"]) - 1
    # TypeScript counts in units of UTF-16.
    before = lines[line - 1].encode("utf-16-le")[: units * 2].decode("utf-16-le", "ignore")
    return f"line {line}, column {prepared.column(line, len(before) + 1)}"


def _message(found: re.Match[str], lines: list[str]) -> str:
    """Return what is wrong, without the line of the script that is quoted below it."""
    quoted = lines[int(found["line"]) - 1].rstrip()
    told: list[str] = []
    for text in found["text"].rstrip().split("\n"):
        if told and text.rstrip() == quoted:
            break
        told.append(text.strip())
    message = " ".join(told).rstrip(".").replace(_STORED, "Analysis")
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"
