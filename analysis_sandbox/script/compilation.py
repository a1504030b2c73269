"""From the text that an author wrote to the module text that the engine runs, line by line."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from analysis_sandbox.errors import LimitExceededError, ScriptError
from analysis_sandbox.script.operators.rewriting import Rewritten, rewrite_operators
from analysis_sandbox.script.syntax import (
    MAX_RECOVERY_BYTES,
    engine_problem,
    error_column,
    further_problems,
    parser_problems,
)
from analysis_sandbox.script.tree import ScriptTree, line
from analysis_sandbox.script.typescript.blanking import Erased, erase_types

Language = Literal["javascript", "typescript"]
# Returns the syntax error of a text, None for JavaScript.
Check = Callable[[str], ScriptError | None]

TYPESCRIPT_SUFFIX = ".ts"
# `parse<Row>(text)` is a call in TypeScript and two comparisons in JavaScript.
_TYPED_CALL = re.compile(r"[\w$]<[\w$\s,.|&\[\]{}<>]+>\(")


@dataclass(frozen=True, slots=True)
class Compilation:
    """A script as JavaScript. Every line is where the author wrote it.

    `code` is what runs; `plain` is the same before operators on column expressions were rewritten.
    `code` is of use when there are no errors.
    """

    code: str
    language: Language
    plain: str
    errors: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    rewritten: Rewritten | None = None


def compile_script(source: str, *, filename: str, check: Check | None = None) -> Compilation:
    """Turn a script into JavaScript that the engine runs.

    A file named `.ts` is TypeScript. Any other text is JavaScript when `check` finds that it is,
    and TypeScript when nothing else explains it. Without `check` a parser answers for the engine.

    Raises:
        LimitExceededError: the script is too complex to be read.
    """
    check = check or _parser_error
    if filename.endswith(TYPESCRIPT_SUFFIX):
        return _compile_typescript(erase_types(source), check)
    error = check(source)
    if error is None and not _TYPED_CALL.search(source):
        return _compile_javascript(source, "javascript")
    try:
        erased = erase_types(source)
    except LimitExceededError:
        if error is None:
            raise
        # The engine's error says more than that there is too much of it.
        return _broken_javascript(source, error)
    is_typed = _names_unknown_types(erased) if error is None else _explains(erased, error)
    if is_typed:
        return _compile_typescript(erased, check)
    if error is None:
        return _compile_javascript(source, "javascript")
    return _broken_javascript(source, error)


def _compile_typescript(erased: Erased, check: Check) -> Compilation:
    errors = list(erased.refused)
    error = None if errors else check(erased.code)
    if error is not None and _is_in_new_code(erased, error):
        errors += parser_problems(erased.tree, erased.broken)
    elif error is not None:
        errors.append(engine_problem(error, erased.code, column=erased.edited.column))
        errors += further_problems(erased.tree, erased.broken, error)
    elif not errors:
        errors += parser_problems(erased.tree, erased.torn)
    if errors:
        return Compilation(erased.code, "typescript", erased.code, errors)
    return _compile_javascript(erased.code, "typescript")


def _compile_javascript(code: str, language: Language) -> Compilation:
    rewritten = rewrite_operators(code)
    return Compilation(
        code=rewritten.code,
        language=language,
        plain=code,
        errors=[f"Line {place}: {message}" for place, message in rewritten.errors],
        warnings=[f"Line {place}: {message}" for place, message in rewritten.warnings],
        rewritten=rewritten,
    )


def _broken_javascript(source: str, error: ScriptError) -> Compilation:
    errors = [engine_problem(error, source)]
    if len(source.encode("utf-8")) <= MAX_RECOVERY_BYTES:
        try:
            tree = ScriptTree(source)
        except LimitExceededError:
            return Compilation(source, "javascript", source, errors)
        errors += further_problems(tree, tree.nodes("ERROR", "missing"), error)
    return Compilation(source, "javascript", source, errors)


def _explains(erased: Erased, error: ScriptError) -> bool:
    """Tell whether a text that is no JavaScript is TypeScript, perhaps with an error of its own."""
    if erased.refused or erased.edits.is_empty:
        return bool(erased.refused)
    if not erased.broken:
        return True
    return error.line is not None and erased.edits.has_blank_in_line(error.line)


def _is_in_new_code(erased: Erased, error: ScriptError) -> bool:
    """Tell whether the engine read what the author did not write, next to what is broken."""
    place, column = error.line or 0, error_column(error, erased.code)
    is_new = erased.edited.is_inserted(place, column)
    return is_new and any(line(node) == place for node in erased.broken)


def _names_unknown_types(erased: Erased) -> bool:
    """Tell whether there are types in calls whose names no JavaScript could be using."""
    if erased.broken or erased.edits.is_empty:
        return False
    named: set[str] = set()
    known: set[str] = set()
    for node in erased.tree.nodes("identifier", "type_identifier", "predefined_type"):
        is_type = erased.edits.is_blank(node.start_byte)
        (named if is_type else known).add(erased.tree.text(node))
    return not named <= known


def _parser_error(code: str) -> ScriptError | None:
    tree = ScriptTree(code)
    broken = tree.nodes("ERROR", "missing")
    if not broken:
        return None
    node = min(broken, key=lambda found: found.start_byte)
    column = node.start_point[1] + 1
    return ScriptError("unexpected token", name="SyntaxError", line=line(node), column=column)
