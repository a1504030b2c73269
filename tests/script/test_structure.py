"""The default export, field by field: every problem with its path, all at once."""

import pytest

from tests.script.conftest import Inspect
from tests.script.sources import analysis, parameter

RUN_MISSING = "Missing required 'run' function"
EXPORT_MISSING = "Missing default export: write export default { title, run(ctx, params) }"
WRONG_EXPORT = "The default export must be an object { title, run(ctx, params) }, not "


@pytest.mark.parametrize(
    ("source", "errors"),
    [
        ("const a = 1;", [EXPORT_MISSING]),
        ("export const run = () => ({});", [EXPORT_MISSING]),
        ("export default 5", [f"{WRONG_EXPORT}number"]),
        ("export default null", [f"{WRONG_EXPORT}null"]),
        ("export default [1]", [f"{WRONG_EXPORT}array"]),
        ("export default async function run() {}", [f"{WRONG_EXPORT}function"]),
        ("export default { toJSON() { return 5 } }", [f"{WRONG_EXPORT}a number"]),
        ('export default { title: "x" }', [RUN_MISSING]),
        (
            'export default { title: "x", run: "code" }',
            ["run: must be a function (ctx, params), not 'code'"],
        ),
        (
            'export default { title: "x", run: "\\ue000function" }',
            [r"run: must be a function (ctx, params), not '\ue000\ue000function'"],
        ),
        (
            'export default { title: "x", run: null, schedule: {} }',
            [RUN_MISSING, "schedule.cron: is missing; write five fields such as '0 9 * * 1-5'"],
        ),
        (
            "export default { title: 5, run() {} }",
            ["title: must be text, not 5"],
        ),
        ("export default { title: ' ', run() {} }", ["title: is empty"]),
        (
            f"export default {{ title: '{'x' * 501}', run() {{}} }}",
            ["title: has 501 characters; the limit is 500"],
        ),
        (
            'export default { title: "a\\0b", run() {} }',
            ["title: holds a null character or half of a surrogate pair; remove it"],
        ),
        (
            analysis('dependencies: [], parameters: "month", schedule: 5, execution: true'),
            [
                "schedule: must be an object, not 5",
                "dependencies: must be an object, not a list",
                "parameters: must be an object, not 'month'",
                "execution: must be an object, not true",
            ],
        ),
    ],
)
def test_the_default_export_must_be_an_analysis(
    inspect: Inspect, source: str, errors: list[str]
) -> None:
    found = inspect(source)
    assert found.errors == errors
    assert found.metadata == {}
    assert found.compiled is None


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (
            'throw new Error("boo");\nexport default {}',
            "Line 1: the script fails when it is loaded: Error: boo",
        ),
        (
            "export default {\n  title: missing, run() {} }",
            "Line 2: the script fails when it is loaded: ReferenceError: missing is not defined",
        ),
        (
            "\nconst settings = JSON.parse('{');\nexport default {}",
            (
                "Line 2: the script fails when it is loaded: SyntaxError: "
                "Expected property name or '}' in JSON at position 1 (line 1 column 2)"
            ),
        ),
        (
            "const pattern = new RegExp('(');\nexport default {}",
            "Line 1: the script fails when it is loaded: SyntaxError: expecting ')'",
        ),
        (
            "while (true) {}\nexport default {}",
            "The script did not finish loading within 2 s; move the work into run()",
        ),
        (
            "const a = []; for (;;) a.push('x'.repeat(1e6));",
            "The script needs more than 64 MB to load; move the work into run()",
        ),
        (
            "export default { title: 'x'.repeat(5e6), run() {} }",
            "The default export has more than 4 MB; keep data in a datasource, not in the script",
        ),
        (
            "await new Promise(() => {});\nexport default {}",
            (
                "The script fails when it is loaded: Error: The script waits for a promise that "
                "nothing is going to settle"
            ),
        ),
        (
            "const a = { run() {} }; a.a = a; export default a",
            (
                "The script fails when it is loaded: TypeError: The definition refers to itself, "
                "which has no JSON form"
            ),
        ),
    ],
)
def test_a_script_that_cannot_be_loaded_says_why(inspect: Inspect, source: str, error: str) -> None:
    assert inspect(source).errors == [error]


@pytest.mark.parametrize(
    ("entries", "errors"),
    [
        ('cron: "0 9 * * 1-5", timezone: "Europe/Berlin", enabled: false', []),
        ('cron: "0 0 9 * * *"', ["schedule.cron: '0 0 9 * * *' has 6 fields; write 5"]),
        ('cron: "@daily"', ["schedule.cron: '@daily' is not supported; write '0 0 * * *'"]),
        ('cron: "61 25 * * *"', ["minute '61' is outside 0-59; hour '25' is outside 0-23"]),
        ("cron: 5", ["schedule.cron: must be text, not 5"]),
        (
            'cron: "* * * * *", timezone: "Europe/Berln"',
            ["schedule.timezone: 'Europe/Berln' is not an IANA time zone"],
        ),
        ('cron: "* * * * *", timezone: 1', ["schedule.timezone: must be text, not 1"]),
        (
            'cron: "* * * * *", enabled: "yes"',
            ["schedule.enabled: must be true or false, not 'yes'"],
        ),
        (
            'cron: "* * * * *", max_retries: 1.5, retry_on_failure: 1',
            [
                "schedule.max_retries: must be a whole number from 0 to 20, not 1.5",
                "schedule.retry_on_failure: must be true or false, not 1",
            ],
        ),
        (
            'cron: "* * * * *", shouldRun: true',
            ["schedule.shouldRun: must be a function, not true"],
        ),
    ],
)
def test_schedules_are_checked(inspect: Inspect, entries: str, errors: list[str]) -> None:
    found = inspect(analysis(f"schedule: {{ {entries} }}")).errors
    assert len(found) == len(errors)
    assert all(expected in error for expected, error in zip(errors, found, strict=True))


def test_a_schedule_is_read_with_its_defaults(inspect: Inspect) -> None:
    found = inspect(analysis('schedule: { cron: "0 9 * * MON,7", shouldRun: async () => true }'))
    assert found.metadata["schedule"] == {
        "cron": "0 9 * * 0,1",
        "timezone": "UTC",
        "enabled": True,
        "retry_on_failure": False,
        "max_retries": 3,
        "has_should_run": True,
        "with_dependencies": False,
    }


@pytest.mark.parametrize(
    ("entries", "errors"),
    [
        ("timeout_ms: 300000, memory_limit_mb: 512", []),
        ("memory_mb: 2048, result_size_mb: 0.5, duckdb_memory_mb: 8192", []),
        ("host_calls_in_flight: 8, frame_mb: 4, nesting_depth: 2, max_concurrent_runs: 3", []),
        ("log_bytes: 5", ["execution.log_bytes: is 5 bytes; the minimum is 1024 bytes"]),
        ("memory_mb: 1", ["execution.memory_mb: is 1 MB; the minimum is 8 MB"]),
        ("result_size_mb: 0", ["execution.result_size_mb: is 0 MB; it must be more than 0 MB"]),
        (
            'timeout_ms: "30", memory_mb: 12.5',
            [
                "execution.memory_mb: must be a whole number of MB, not 12.5",
                "execution.timeout_ms: must be a whole number of ms, not '30'",
            ],
        ),
        (
            "memory_mb: 64, memory_limit_mb: 64",
            ["execution.memory_limit_mb: is the same as memory_mb; state one of them"],
        ),
        ("timeout: 5", ["execution.timeout: is not a limit; did you mean 'timeout_ms'?"]),
    ],
)
def test_limits_have_the_right_names_types_and_minimums(
    inspect: Inspect, entries: str, errors: list[str]
) -> None:
    assert sorted(inspect(analysis(f"execution: {{ {entries} }}")).errors) == sorted(errors)


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ('type: "date", required: true, default: "current_month", description: "Month"', []),
        ('type: "text", pattern: "^[a-z]+$", default: "abc"', []),
        ('type: "number", min: 0, max: 12, default: 0', []),
        ('type: "number", default: "5"', []),
        ('type: "boolean", default: false', []),
        ('type: "object", default: { start: "week_start", n: [1] }', []),
        (
            'type: "dat"',
            [
                (
                    "type: 'dat' is not a type; did you mean 'date'? (known: string, text, number, "
                    "boolean, date, select, multiselect, object)"
                )
            ],
        ),
        ('type: "integer"', ["type: 'integer' is not a type; did you mean 'number'?"]),
        ("required: true", ["type: is missing; known: string, text"]),
        ("type: 5", ["type: must be text, not 5"]),
        ('type: "date", required: "yes"', ["required: must be true or false, not 'yes'"]),
        ('type: "date", description: 5', ["description: must be text, not 5"]),
        ('type: "select"', ["options: are missing; a select needs a list or a function"]),
        ('type: "multiselect"', ["options: are missing; a multiselect needs"]),
        ('type: "string", options: []', ["options: is empty", "options: belong to select"]),
        ('type: "select", options: []', ["options: is empty; nothing could be chosen"]),
        ('type: "select", options: "a"', ["options: must be a list or a function, not 'a'"]),
        (
            'type: "select", options: ["a", 5]',
            [
                'options[0]: must be an object like { value: "a", label: "A" }, not \'a\'',
                'options[1]: must be an object like { value: "a", label: "A" }, not 5',
            ],
        ),
        (
            'type: "select", options: [{ value: "a" }, { label: "b" }, { value: true, label: 1 }]',
            [
                "options[0].label: is missing; it must be text",
                "options[1].value: is missing; it must be text or a number",
                "options[2].value: is true; it must be text or a number",
            ],
        ),
        (
            'type: "select", options: [{ options: [{ value: 1, label: "1" }, 2] }]',
            [
                "options[0].label: is missing; it is the group's heading",
                "options[0].options[1]: must be an object like",
            ],
        ),
        ('type: "number", min: 5, max: 1', ["min: is 5, more than max, which is 1"]),
        ('type: "number", min: "1"', ["min: must be a number, not '1'"]),
        ('type: "date", min: 1', ["min: belongs to number, not to date"]),
        ('type: "number", pattern: "a"', ["pattern: belongs to string and text, not to number"]),
        ('type: "string", pattern: /^a$/, default: "a"', []),
        ('type: "string", pattern: 5', ["pattern: must be text, not 5"]),
        ('type: "string", pattern: "("', ["pattern: '(' is not a regular expression: unclosed"]),
        ('type: "string", pattern: "(?=a)"', ["pattern: uses look-around"]),
        ('type: "date", default: "31.12.2024"', ["default: must be a date"]),
        ('type: "number", default: "five"', ["default: must be a number, not 'five'"]),
        ('type: "number", max: 3, default: 4', ["default: 4 is more than the maximum 3"]),
        (
            'type: "string", pattern: "^a", default: "b"',
            ["default: 'b' does not match the pattern"],
        ),
        ('type: "string", default: () => "x"', ["default: must be a value, not a function"]),
        ('type: "object", default: { a: () => 1 }', ["default: must be a value, not a function"]),
        (
            'type: "select", options: [{ value: "full", label: "Full" }], default: "ful"',
            ["default: 'ful' is not among the options ('full'); did you mean 'full'?"],
        ),
        (
            'type: "multiselect", options: [{ value: 1, label: "1" }], default: 1',
            ["default: must be a list of options, not 1"],
        ),
        (
            'type: "dat", required: 1, min: "x", pattern: "("',
            [
                "type: 'dat' is not a type",
                "min: must be a number, not 'x'",
                "required: must be true or false",
                "pattern: '(' is not a regular expression",
            ],
        ),
    ],
)
def test_each_field_of_a_parameter_is_checked(
    inspect: Inspect, fields: str, errors: list[str]
) -> None:
    found = inspect(parameter(fields)).errors
    assert len(found) == len(errors), found
    for expected, error in zip(errors, found, strict=True):
        assert error.startswith(f"parameters.month.{expected}")


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ('month: "date"', "parameters.month: must be an object, not 'date'"),
        (
            "month: null",
            'parameters.month: must be an object like { type: "date" }, not nothing',
        ),
        (
            '"a b": { type: "date" }',
            "parameters.'a b': is not a name for a parameter; use letters, digits, _ and -",
        ),
        (
            "...Object.fromEntries(Array.from({ length: 101 }, (_, i) => ['p' + i, {}]))",
            "parameters: declares 101 parameters; the limit is 100",
        ),
    ],
)
def test_the_set_of_parameters_is_checked(inspect: Inspect, parameters: str, error: str) -> None:
    assert inspect(analysis(f"parameters: {{ {parameters} }}")).errors == [error]


@pytest.mark.parametrize(
    ("source", "warnings"),
    [
        (
            "export default { run() {} }",
            ["title: is missing; the analysis is shown by its name"],
        ),
        (
            analysis("paramaters: {}"),
            ["paramaters: is not known and has no effect; did you mean 'parameters'?"],
        ),
        (
            analysis("colour: 1"),
            [
                (
                    "colour: is not known and has no effect; known here: title, schedule, "
                    "dependencies, parameters, execution, run"
                )
            ],
        ),
        # Functions beside run are how authors share code; only misspelt ones are worth a word.
        (analysis("load() {}, helper: () => 1"), []),
        (
            analysis("Run() {}"),
            ["Run: is not known and has no effect; did you mean 'run'?"],
        ),
        (
            parameter('type: "date", requried: true'),
            ["parameters.month.requried: is not known and has no effect; did you mean 'required'?"],
        ),
        (
            analysis('schedule: { cron: "* * * * *", timeZone: "UTC" }'),
            [
                "schedule.timeZone: is not known and has no effect; did you mean 'timezone'?",
            ],
        ),
        (
            parameter(
                'type: "select", options: [{ value: 1, label: "a" }, { value: 1, label: "b" }]'
            ),
            ["parameters.month.options: hold the value 1 twice"],
        ),
        (
            analysis('parameters: { a: { type: "date" }, b: { type: "date", depends_on: ["a"] } }'),
            ["parameters.b.depends_on: has no effect without an options function"],
        ),
        (
            parameter('type: "string", pattern: /^a$/gi'),
            ["parameters.month.pattern: the flags 'gi' are not kept; only the expression is"],
        ),
        (
            parameter('type: "string", default: new Date().toISOString()'),
            [
                (
                    "parameters.month.default: line 1 reads the clock once, when the script is "
                    "saved; for a date that moves use a word such as 'today' or 'last_week'"
                )
            ],
        ),
    ],
)
def test_what_is_odd_but_works_is_a_warning(
    inspect: Inspect, source: str, warnings: list[str]
) -> None:
    found = inspect(source)
    assert found.warnings == warnings
    assert found.errors == []


def test_many_unknown_keys_do_not_flood_the_answer(inspect: Inspect) -> None:
    keys = ", ".join(f"key_{number}: 1" for number in range(1000))
    found = inspect(analysis(keys))
    assert len(found.warnings) == 21
    assert found.warnings[-1] == "default export: has 980 more unknown keys"


def test_a_definition_may_be_built_by_code(inspect: Inspect) -> None:
    found = inspect(
        "class Base { run() { return {}; } }\n"
        'const parameters = { month: { type: "date" } };\n'
        "const analysis = Object.freeze({ title: ['Sales', 2024].join(' '), parameters,"
        " run: Base.prototype.run });\n"
        "export { analysis as default };"
    )
    assert found.errors == []
    assert found.metadata == {
        "title": "Sales 2024",
        "parameters": {"month": {"type": "date", "required": False}},
    }
