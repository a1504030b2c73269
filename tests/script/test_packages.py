"""What a script imports, and which of it may be bundled. Nothing here needs a network."""

import pytest

from analysis_sandbox.script.packages.imports import (
    ImportPlan,
    check_allowed_packages,
    plan_imports,
    without_bundler,
)
from analysis_sandbox.script.tree import ScriptTree

ALLOWED = ["csv-parse@^5.6.0", "lodash-es", "@scope/tools@1.2.3", "JSONStream"]


def plan(source: str, *allowed: str) -> ImportPlan:
    return plan_imports(ScriptTree(source), allowed or ALLOWED)


def only_error(source: str, *allowed: str) -> str:
    planned = plan(source, *allowed)
    assert planned.imports == ()
    [(at, message)] = planned.errors
    assert message.startswith(f"Line {at}: import of ")
    return message


def test_an_allowed_import_is_planned_with_its_parts() -> None:
    [found] = plan("// first\nimport { parse } from 'csv-parse/sync';").imports
    assert (found.specifier, found.package, found.subpath) == (
        "csv-parse/sync",
        "csv-parse",
        "sync",
    )
    assert (found.version_range, found.names, found.line) == ("^5.6.0", ("parse",), 2)


@pytest.mark.parametrize(
    ("specifier", "package", "subpath", "version_range"),
    [
        ("lodash-es", "lodash-es", "", ""),
        ("lodash-es/groupBy.js", "lodash-es", "groupBy.js", ""),
        ("@scope/tools", "@scope/tools", "", "1.2.3"),
        ("@scope/tools/deep/er", "@scope/tools", "deep/er", "1.2.3"),
        ("JSONStream", "JSONStream", "", ""),
    ],
)
def test_specifiers_are_split_into_package_and_part(
    specifier: str, package: str, subpath: str, version_range: str
) -> None:
    [found] = plan(f"import {{ x }} from '{specifier}';").imports
    assert (found.package, found.subpath, found.version_range) == (package, subpath, version_range)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("import x from 'lodash-es'", ("default",)),
        ("import { a, b as c } from 'lodash-es'", ("a", "b")),
        ("import x, { a, default as y } from 'lodash-es'", ("default", "a")),
        ("import { 'odd name' as a } from 'lodash-es'", ("odd name",)),
        ("import 'lodash-es'", ()),
        ("import {} from 'lodash-es'", ()),
        ("export { a, b as c } from 'lodash-es'", ("a", "b")),
        ("export { default } from 'lodash-es'", ("default",)),
        ("export * from 'lodash-es'", ("*",)),
        ("export * as tools from 'lodash-es'", ("*",)),
        ("import * as _ from 'lodash-es'; _.a(_['b'], _?.c)", ("a", "b", "c")),
        ("import * as _ from 'lodash-es'", ()),
        ("import x, * as _ from 'lodash-es'; _.a()", ("default", "a")),
        ("import * as _ from 'lodash-es'; _.a(); use(_)", ("*",)),
        ("import * as _ from 'lodash-es'; _[name]()", ("*",)),
        ("import * as _ from 'lodash-es'; const { a } = _", ("*",)),
        ("import * as _ from 'lodash-es'; x = { _ }", ("*",)),
        ("import * as _ from 'lodash-es'; function f(_) { return _.mine }", ("*",)),
        ("import * as _ from 'lodash-es'; export { _ }", ("*",)),
    ],
)
def test_only_what_is_imported_is_asked_for(statement: str, names: tuple[str, ...]) -> None:
    [found] = plan(statement).imports
    assert set(found.names) == set(names)


def test_imports_of_one_specifier_are_united_at_the_first_line() -> None:
    [found] = plan(
        "import { a } from 'lodash-es';\nimport b, { a as c } from 'lodash-es';\n"
        "export * from 'lodash-es';"
    ).imports
    assert found.line == 1
    assert found.names == ("a", "default", "*")


def test_of_several_entries_for_a_package_the_last_version_counts() -> None:
    allowed = ["lodash-es@^4.0.0", "lodash-es@4.17.21", "lodash-es"]
    [found] = plan("import { a } from 'lodash-es'", *allowed).imports
    assert found.version_range == "4.17.21"


def test_a_package_that_nobody_allowed_is_refused_with_both_remedies() -> None:
    assert only_error("\n\nimport { format } from 'date-fns/fp';") == (
        "Line 3: import of 'date-fns/fp' is not possible: \"date-fns\" is not among the allowed "
        'packages; add "date-fns" to metadata.packages, or ask an administrator to add it to the '
        "project's packages"
    )


@pytest.mark.parametrize(
    ("specifier", "reason"),
    [
        ("fs", "a script has no files, network or processes"),
        ("node:fs/promises", "a script has no files, network or processes"),
        ("node:sqlite", "a script has no files, network or processes"),
        ("child_process", "a script has no files, network or processes"),
        ("path/posix", "a script has no files, network or processes"),
        ("node:buffer", "Buffer is there without an import"),
        ("crypto", "ctx.utils.hash"),
        ("zlib", "ctx.utils.compress"),
        ("pg", "use ctx.datasource or ctx.duckdb"),
        ("mysql2/promise", "use ctx.datasource or ctx.duckdb"),
        ("duckdb", "use ctx.datasource or ctx.duckdb"),
        ("postgres", "use ctx.datasource or ctx.duckdb"),
        ("@aws-sdk/client-s3", "use ctx.datasource or ctx.duckdb"),
        ("axios", "a script has no network; use ctx.datasource"),
        ("node-fetch", "a script has no network; use ctx.datasource"),
        ("https://esm.sh/lodash-es", "nothing is loaded from addresses"),
        ("http://127.0.0.1/x.js", "nothing is loaded from addresses"),
        ("file:///etc/passwd", "nothing is loaded from addresses"),
        ("data:text/javascript,export default 1", "nothing is loaded from addresses"),
        ("npm:lodash-es@4", "write the name of the npm package alone"),
        ("lodash-es@4.17.21", "its version stands in the list of allowed packages"),
        ("./helper.js", "a script is one file"),
        ("../helper.js", "a script is one file"),
        ("/etc/passwd", "a script is one file"),
        ("#internal", "a script is one file"),
        ("lodash-es/../../secret", "not the name of a package"),
        ("lodash-es//x", "not the name of a package"),
        ("", "not the name of a package"),
        ("Ünicode", "not the name of a package"),
        ("a" * 300, "not the name of a package"),
    ],
)
def test_what_no_list_can_allow_is_refused_with_what_to_do(specifier: str, reason: str) -> None:
    # Even when an entry names it.
    assert reason in only_error(f"import x from '{specifier}';", specifier, *ALLOWED)


def test_import_attributes_are_refused() -> None:
    message = only_error("import x from 'lodash-es/x.json' with { type: 'json' };")
    assert "leave out `with { … }`" in message


def test_every_refused_import_is_told_and_the_others_are_planned() -> None:
    planned = plan("import a from 'fs';\nimport { b } from 'lodash-es';\nexport * from './c.js';")
    assert [item.specifier for item in planned.imports] == ["lodash-es"]
    assert [at for at, _message in planned.errors] == [1, 3]


def test_a_version_that_could_be_anything_else_is_not_looked_for() -> None:
    assert "cannot be looked for" in only_error(
        "import x from 'lodash-es'", 'lodash-es@1"; import "x'
    )


@pytest.mark.parametrize(
    "entry",
    [
        *("csv-parse", "csv-parse@^5.6.0", "csv-parse@~5", "csv-parse@5.x", "csv-parse@5.6.*"),
        *("csv-parse@latest", "csv-parse@*", "@scope/name", "@scope/name@1.0.0-beta.1"),
    ],
)
def test_these_may_be_allowed(entry: str) -> None:
    assert check_allowed_packages([entry]) == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("", "is not a package"),
        ("csv-parse/sync", "is not a package"),
        ("./x", "is not a package"),
        ("https://x", "is not a package"),
        ("csv-parse@>=5 <6", "is not a version that can be looked for"),
        ("csv-parse@file:../x", "is not a version that can be looked for"),
        ("csv-parse@1/../../x", "is not a version that can be looked for"),
        ("pg", "cannot be allowed: the host connects"),
        ("axios@1", "cannot be allowed: a script has no network"),
        ("fs", "cannot be allowed: a script has no files"),
    ],
)
def test_these_may_not_be_allowed(entry: str, problem: str) -> None:
    [message] = check_allowed_packages([entry])
    assert problem in message


def test_without_the_extra_the_error_names_imports_and_command() -> None:
    error = without_bundler(plan("import { a } from 'lodash-es';").imports)
    assert "line 1: 'lodash-es'" in error.message
    assert error.hint == "pip install 'analysis-sandbox[npm]'"
