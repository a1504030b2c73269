"""A script looked at as a whole: is it valid, what does it declare, what does it use."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CrashError,
    LimitExceededError,
    MemoryLimitError,
    ResultTooLargeError,
    ScriptError,
    TimeLimitError,
    ValidationFailedError,
)
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.supervisor import CallOutcome, ScriptCall
from analysis_sandbox.script.definition import Definition, Dependencies
from analysis_sandbox.script.dependencies import check_dependencies
from analysis_sandbox.script.facts import Facts, read_facts
from analysis_sandbox.script.forbidden import find_imports
from analysis_sandbox.script.sections import Problems
from analysis_sandbox.script.structure import read_definition
from analysis_sandbox.script.syntax import (
    MAX_RECOVERY_BYTES,
    engine_problem,
    further_problems,
    is_syntax_error,
    text_problems,
    type_arguments,
    typescript_problem,
)
from analysis_sandbox.script.tree import ScriptTree
from analysis_sandbox.script.wording import kind
from analysis_sandbox.values import JSONObject, JSONValue, decode

Evaluate = Callable[[ScriptCall], CallOutcome]

# Loading a module defines functions; whatever takes longer belongs into `run`.
DESCRIBE_LIMITS = Limits(memory_mb=64, timeout_ms=2_000, result_size_mb=4, log_lines=100)
# The facts of ctx while nothing runs.
_NO_RUN: JSONObject = {
    "run_id": "",
    "analysis_id": "",
    "version": 0,
    "attempt": 1,
    "schedule": None,
    "datasources": {},
    "read_only": True,
}
_MOST_MESSAGES = 100
_SHAPE = "{ title, run(ctx, params) }"
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything known of one script. It may be stored when `errors` is empty.

    `datasources` and `analyses` are used or declared. `definition` is None when the script could
    not be read so far; `compiled` and `metadata` (the stored form) are there without errors only.
    """

    definition: Definition | None
    compiled: str | None
    language: Literal["javascript", "typescript"]
    errors: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    datasources: list[str] = field(default_factory=list[str])
    analyses: list[str] = field(default_factory=list[str])
    metadata: JSONObject = field(default_factory=dict[str, JSONValue])

    @property
    def is_valid(self) -> bool:
        """Tell whether nothing is wrong with the script itself."""
        return not self.errors


def inspect_script(
    source: str, *, filename: str, evaluate: Evaluate, require_dependencies: bool = False
) -> Inspection:
    """Look at a script and collect everything that is wrong with it.

    `evaluate` runs the script's top level in the sandbox. `require_dependencies` turns a missing
    declaration of dependencies from a warning into an error. What a script can do never raises;
    a sandbox that cannot be started does.
    """
    return _Inspector(source, filename, evaluate).inspect(require_dependencies=require_dependencies)


class _Inspector:
    def __init__(self, source: str, filename: str, evaluate: Evaluate) -> None:
        self._source = source.removeprefix(_BYTE_ORDER_MARK)
        self._filename = filename
        self._evaluate = evaluate
        self._problems = Problems()

    def inspect(self, *, require_dependencies: bool) -> Inspection:
        self._problems.errors += text_problems(self._source)
        if self._problems.errors:
            return self._result(None, None)
        # The engine comes first: a text that it does not accept could exhaust the parser's stack.
        outcome = self._evaluate(self._call(self._source))
        if _is_unreadable(outcome.error):
            self._report_unreadable(outcome.error)
            return self._result(None, None)
        try:
            return self._inspect_tree(outcome, require_dependencies=require_dependencies)
        except LimitExceededError as error:
            self._problems.errors.append(error.message)
            return self._result(None, None)

    def _inspect_tree(self, outcome: CallOutcome, *, require_dependencies: bool) -> Inspection:
        tree = ScriptTree(self._source)
        if imports := find_imports(tree):
            # They keep the module from loading at all: without them the rest can be checked.
            outcome = self._evaluate(self._call(tree.without(imports)))
        if self._filename.endswith(".ts") and (typed := type_arguments(tree)):
            self._problems.errors.append(typed)
        facts = read_facts(tree)
        self._problems.errors += [message for _line, message in facts.forbidden]
        exported = self._exported(outcome, facts)
        if exported is None:
            return self._result(None, facts)
        definition = read_definition(exported, facts.options, self._problems)
        for path, text in facts.remarks:
            self._problems.warn(path, text)
        dependencies = check_dependencies(
            definition, facts, self._problems, is_required=require_dependencies
        )
        definition = definition.model_copy(update={"dependencies": dependencies})
        return self._result(definition, facts)

    def _call(self, code: str) -> ScriptCall:
        return ScriptCall(
            code=code,
            filename=self._filename,
            entry="describe",
            parameters={},
            context=_NO_RUN,
            limits=DESCRIBE_LIMITS,
        )

    def _report_unreadable(self, error: AnalysisSandboxError | None) -> None:
        errors = self._problems.errors
        if not isinstance(error, ScriptError) or not is_syntax_error(error):
            errors.append(_load_problem(error))
        elif typed := typescript_problem(error, self._source):
            errors.append(typed)
        else:
            errors.append(engine_problem(error, self._source))
            if len(self._source.encode("utf-8")) <= MAX_RECOVERY_BYTES:
                with contextlib.suppress(LimitExceededError):
                    errors += further_problems(ScriptTree(self._source), error)

    def _exported(self, outcome: CallOutcome, facts: Facts) -> JSONObject | None:
        errors = self._problems.errors
        if outcome.error is not None or outcome.value is None:
            # What is forbidden fails when it is reached: that is told already.
            if not (facts.forbidden and isinstance(outcome.error, ScriptError)):
                errors.append(_load_problem(outcome.error))
            return None
        try:
            answer: object = decode(outcome.value)
        except ValidationFailedError as error:
            errors.append(f"The default export cannot be read: {error.message}")
            return None
        described = cast("Mapping[str, object]", answer if isinstance(answer, dict) else {})
        value = described.get("value")
        if described.get("export") == "missing":
            errors.append(f"Missing default export: write export default {_SHAPE}")
        elif not isinstance(value, dict):
            export = described.get("export")
            what = kind(cast("object", value)) if export == "object" else export
            errors.append(f"The default export must be an object {_SHAPE}, not {what}")
        else:
            return cast("JSONObject", value)
        return None

    def _result(self, definition: Definition | None, facts: Facts | None) -> Inspection:
        errors, warnings = _capped(self._problems.errors), _capped(self._problems.warnings)
        declared = (definition.dependencies if definition else None) or Dependencies()
        is_valid = definition is not None and not errors
        return Inspection(
            definition=definition,
            compiled=self._source if is_valid else None,
            language="typescript" if self._filename.endswith(".ts") else "javascript",
            errors=errors,
            warnings=warnings,
            datasources=_united(declared.datasources, facts.datasources if facts else {}),
            analyses=_united(declared.analyses, facts.analyses if facts else {}),
            metadata=definition.to_metadata() if definition is not None and is_valid else {},
        )


def _is_unreadable(error: AnalysisSandboxError | None) -> bool:
    """Tell whether the engine could not compile the script, or broke down over it."""
    if not isinstance(error, ScriptError):
        return isinstance(error, CrashError)
    is_too_deep = error.name == "RangeError" and error.line is None
    return is_too_deep or is_syntax_error(error)


def _load_problem(error: AnalysisSandboxError | None) -> str:
    seconds, megabytes = DESCRIBE_LIMITS.timeout_ms / 1000, DESCRIBE_LIMITS.memory_mb
    if isinstance(error, TimeLimitError):
        return f"The script did not finish loading within {seconds:g} s; move the work into run()"
    if isinstance(error, MemoryLimitError):
        return f"The script needs more than {megabytes} MB to load; move the work into run()"
    if isinstance(error, ResultTooLargeError):
        return (
            f"The default export has more than {DESCRIBE_LIMITS.result_size_mb:g} MB; "
            "keep data in a datasource, not in the script"
        )
    if isinstance(error, ScriptError):
        place = f"Line {error.line}: the" if error.line else "The"
        return f"{place} script fails when it is loaded: {error.name}: {error.message}"
    reason = error.message if error else "it gave no answer"
    return f"The script cannot be loaded: {reason}"


def _united(declared: list[str], used: Mapping[str, int]) -> list[str]:
    return list(dict.fromkeys([*declared, *used]))


def _capped(messages: list[str]) -> list[str]:
    unique = list(dict.fromkeys(messages))
    if len(unique) <= _MOST_MESSAGES:
        return unique
    return [*unique[:_MOST_MESSAGES], f"… and {len(unique) - _MOST_MESSAGES} more"]
