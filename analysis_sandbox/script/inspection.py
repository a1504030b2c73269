"""A script looked at as a whole: is it valid, what does it declare, what does it use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CrashError,
    LimitExceededError,
    MemoryLimitError,
    MissingDependencyError,
    ResultTooLargeError,
    ScriptError,
    ScriptInvalidError,
    TimeLimitError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.supervisor import CallOutcome, ScriptCall
from analysis_sandbox.script.compilation import Compilation, Language, compile_script
from analysis_sandbox.script.definition import Definition, Dependencies
from analysis_sandbox.script.dependencies import check_dependencies
from analysis_sandbox.script.facts import Facts, read_facts
from analysis_sandbox.script.forbidden import find_imports
from analysis_sandbox.script.packages.imports import (
    Bundle,
    PackageBundler,
    plan_imports,
    without_bundler,
)
from analysis_sandbox.script.sections import Problems
from analysis_sandbox.script.structure import read_definition
from analysis_sandbox.script.syntax import is_syntax_error, text_problems
from analysis_sandbox.script.tree import ScriptTree
from analysis_sandbox.script.typescript.type_check import TypeChecker
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
_NO_BUNDLE = Bundle(modules={}, packages=(), lock={})


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything known of one script. It may be stored when `errors` is empty.

    `datasources` and `analyses` are used or declared. `definition` is None when the script could
    not be read so far; `compiled`, `modules` (what it imports, by specifier), `packages` (what
    these were made of) and `metadata` (the stored form) are there without errors only.
    """

    definition: Definition | None
    compiled: str | None
    language: Language
    errors: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    datasources: list[str] = field(default_factory=list[str])
    analyses: list[str] = field(default_factory=list[str])
    metadata: JSONObject = field(default_factory=dict[str, JSONValue])
    modules: dict[str, str] = field(default_factory=dict[str, str])
    packages: list[JSONObject] = field(default_factory=list[JSONObject])
    package_lock: JSONObject = field(default_factory=dict[str, JSONValue])

    @property
    def is_valid(self) -> bool:
        """Tell whether nothing is wrong with the script itself."""
        return not self.errors


def inspect_script(  # noqa: PLR0913 - each of them is a part that may be missing
    source: str,
    *,
    filename: str,
    evaluate: Evaluate,
    require_dependencies: bool = False,
    packages: PackageBundler | None = None,
    allowed_packages: Sequence[str] = (),
    package_lock: JSONObject | None = None,
    type_checker: TypeChecker | None = None,
) -> Inspection:
    """Look at a script and collect everything that is wrong with it.

    `evaluate` runs the script's top level in the sandbox. `require_dependencies` turns a missing
    declaration of dependencies from a warning into an error. `packages` bundles what the script
    imports of `allowed_packages`, keeping the versions in `package_lock` of an earlier inspection;
    `type_checker` is asked about TypeScript. What a script can do never raises.

    Raises:
        UnavailableError: the registry that packages come from cannot be reached.
        ConfigurationError: the sandbox cannot be started.
    """
    inspector = _Inspector(source, filename, evaluate)
    inspector.packages, inspector.allowed_packages = packages, allowed_packages
    inspector.package_lock = package_lock
    inspector.type_checker = type_checker
    return inspector.inspect(require_dependencies=require_dependencies)


class _Inspector:
    packages: PackageBundler | None = None
    allowed_packages: Sequence[str] = ()
    package_lock: JSONObject | None = None
    type_checker: TypeChecker | None = None

    def __init__(self, source: str, filename: str, evaluate: Evaluate) -> None:
        self._source = source.removeprefix(_BYTE_ORDER_MARK)
        self._filename = filename
        self._evaluate = evaluate
        self._problems = Problems()
        self._outcomes: dict[str, CallOutcome] = {}
        self._has_refused_imports = False

    def inspect(self, *, require_dependencies: bool) -> Inspection:
        self._problems.errors += text_problems(self._source)
        compilation = Compilation(self._source, "javascript", self._source)
        if self._problems.errors:
            return self._result(compilation, None, None)
        try:
            # The engine comes first: it tells JavaScript from what is none.
            compilation = compile_script(
                self._source, filename=self._filename, check=self._syntax_error
            )
            self._problems.errors += compilation.errors
            self._problems.warnings += compilation.warnings
            if compilation.rewritten is None:
                return self._result(compilation, None, None)
            return self._inspect_tree(compilation, require_dependencies=require_dependencies)
        except LimitExceededError as error:
            self._problems.errors.append(error.message)
        except (ScriptError, CrashError) as error:
            self._problems.errors.append(_load_problem(error))
        return self._result(compilation, None, None)

    def _syntax_error(self, code: str) -> ScriptError | None:
        """Return the engine's syntax error; raise what keeps it from reading the text at all."""
        outcome = self._outcomes[code] = self._evaluate(self._call(code))
        error = outcome.error
        if isinstance(error, ScriptError) and is_syntax_error(error):
            return error
        is_too_deep = isinstance(error, ScriptError) and _is_too_deep(error)
        if error is not None and (is_too_deep or isinstance(error, CrashError)):
            raise error
        return None

    def _inspect_tree(self, compilation: Compilation, *, require_dependencies: bool) -> Inspection:
        tree = ScriptTree(compilation.plain)
        bundle = self._bundle(tree)
        outcome = self._describe(compilation, tree, bundle)
        facts = read_facts(tree)
        self._problems.errors += [message for _line, message in facts.forbidden]
        exported = self._exported(outcome, facts)
        if exported is None:
            return self._result(compilation, None, facts)
        definition = read_definition(exported, facts.options, self._problems)
        for path, text in facts.remarks:
            self._problems.warn(path, text)
        dependencies = check_dependencies(
            definition, facts, self._problems, is_required=require_dependencies
        )
        definition = definition.model_copy(update={"dependencies": dependencies})
        if compilation.language == "typescript" and not self._problems.errors:
            self._check_types()
        return self._result(compilation, definition, facts, bundle)

    def _bundle(self, tree: ScriptTree) -> Bundle:
        """Return what the script imports; without it when that is not possible."""
        plan = plan_imports(tree, self.allowed_packages)
        errors = [message for _line, message in plan.errors]
        bundle = _NO_BUNDLE
        try:
            if plan.imports and not errors:
                if self.packages is None:
                    raise without_bundler(plan.imports)
                bundle = self.packages.bundle(plan.imports, lock=self.package_lock)
        except ScriptInvalidError as error:
            errors += error.errors
        except MissingDependencyError as error:
            errors.append(f"{error.message}: {error.hint}")
        self._has_refused_imports = bool(errors)
        self._problems.errors += errors
        self._problems.warnings += bundle.warnings
        return bundle

    def _describe(self, compilation: Compilation, tree: ScriptTree, bundle: Bundle) -> CallOutcome:
        code = compilation.code
        if self._has_refused_imports and compilation.rewritten is not None:
            # They keep the module from loading at all: without them the rest can be checked.
            code = compilation.rewritten.apply_to(tree.without(find_imports(tree)))
        elif not bundle.modules and code in self._outcomes:
            return self._outcomes[code]
        return self._evaluate(self._call(code, bundle.modules))

    def _check_types(self) -> None:
        if self.type_checker is None:
            return
        try:
            self._problems.errors += self.type_checker.check(self._source)
        except (MissingDependencyError, UnavailableError) as error:
            hint = f": {error.hint}" if error.hint else ""
            self._problems.warnings.append(f"Types were not checked. {error.message}{hint}")

    def _call(self, code: str, modules: Mapping[str, str] | None = None) -> ScriptCall:
        return ScriptCall(
            code=code,
            modules=modules or {},
            filename=self._filename,
            entry="describe",
            parameters={},
            context=_NO_RUN,
            limits=DESCRIBE_LIMITS,
        )

    def _exported(self, outcome: CallOutcome, facts: Facts) -> JSONObject | None:
        errors = self._problems.errors
        if outcome.error is not None or outcome.value is None:
            # What is forbidden or missing fails when it is reached: that is told already.
            is_told = bool(facts.forbidden) or self._has_refused_imports
            if not (is_told and isinstance(outcome.error, ScriptError)):
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

    def _result(
        self,
        compilation: Compilation,
        definition: Definition | None,
        facts: Facts | None,
        bundle: Bundle = _NO_BUNDLE,
    ) -> Inspection:
        errors, warnings = _capped(self._problems.errors), _capped(self._problems.warnings)
        declared = (definition.dependencies if definition else None) or Dependencies()
        is_valid = definition is not None and not errors
        bundle = bundle if is_valid else _NO_BUNDLE
        return Inspection(
            definition=definition,
            compiled=compilation.code if is_valid else None,
            language=compilation.language,
            errors=errors,
            warnings=warnings,
            datasources=_united(declared.datasources, facts.datasources if facts else {}),
            analyses=_united(declared.analyses, facts.analyses if facts else {}),
            metadata=definition.to_metadata() if definition is not None and is_valid else {},
            modules=dict(bundle.modules),
            packages=[package.to_metadata() for package in bundle.packages],
            package_lock=dict(bundle.lock),
        )


def _is_too_deep(error: ScriptError) -> bool:
    return error.name == "RangeError" and error.line is None


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
