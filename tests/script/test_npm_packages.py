"""Packages from npm itself, in the real sandbox. The values are what Node 24 gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.errors import ScriptInvalidError
from analysis_sandbox.sandbox.supervisor import CallOutcome, ScriptCall
from analysis_sandbox.script.packages.bundling import DenoBundler
from analysis_sandbox.settings import registry_environment
from tests.script.bundles import bundled, result

CSV = r'''
import { parse } from 'csv-parse/sync';
const text = '\ufeffcity,amount,note\n"Zürich, ZH",12.5,"a ""b"""\nGenève,3,\n';
const options = { columns: true, cast: true, bom: true, skip_empty_lines: true };
export default { run: () => ({ rows: parse(text, options) }) };
'''
LODASH = """
import { groupBy, sumBy } from 'lodash-es';
const rows = [{ k: 'a', v: 2 }, { k: 'b', v: 3 }, { k: 'a', v: 4 }];
export default { run() {
  const groups = groupBy(rows, 'k');
  return { names: Object.keys(groups), sum: sumBy(groups.a, 'v') };
} };
"""
DATES = """
import { addDays, format } from 'date-fns';
export default { run: () => ({
  day: format(addDays(new Date(2024, 1, 28), 2), 'EEEE yyyy-MM-dd'),
}) };
"""
STATISTICS = """
import { linearRegression, mean } from 'simple-statistics';
export default { run: () => ({
  line: linearRegression([[0, 0], [1, 2], [2, 3]]), mean: mean([1, 2, 4]),
}) };
"""


@pytest.fixture(scope="session")
def bundler(tmp_path_factory: pytest.TempPathFactory) -> DenoBundler:
    directory: Path = tmp_path_factory.mktemp("npm")
    return DenoBundler(directory, environment=registry_environment())


@pytest.mark.parametrize(
    ("script", "package", "value"),
    [
        (
            CSV,
            "csv-parse@5.6.0",
            {
                "rows": [
                    {"city": "Zürich, ZH", "amount": 12.5, "note": 'a "b"'},
                    {"city": "Genève", "amount": 3, "note": ""},
                ]
            },
        ),
        (LODASH, "lodash-es@4.17.21", {"names": ["a", "b"], "sum": 6}),
        (DATES, "date-fns@4.1.0", {"day": "Friday 2024-03-01"}),
        (
            STATISTICS,
            "simple-statistics@7.8.8",
            {"line": {"m": 1.5, "b": 0.16666666666666674}, "mean": 2.3333333333333335},
        ),
    ],
)
def test_a_package_gives_what_it_gives_in_node(
    bundler: DenoBundler,
    evaluate: Callable[[ScriptCall], CallOutcome],
    script: str,
    package: str,
    value: Any,
) -> None:
    bundle = bundled(bundler, script, package)

    assert result(evaluate, script, bundle) == value
    assert f"{bundle.packages[0].name}@{bundle.packages[0].version}" == package
    assert sum(len(text) for text in bundle.modules.values()) < 100_000


@pytest.mark.parametrize(
    ("script", "package", "reason"),
    [
        (
            "import bcrypt from 'bcrypt'",
            "bcrypt",
            "bcrypt wants a native add-on (node-gyp-build), node:crypto, node:fs",
        ),
        (
            "import { parse } from 'csv-parse'",
            "csv-parse@5.6.0",
            "csv-parse wants node:stream; a script has no files",
        ),
        (
            "import it from 'this-package-does-not-exist-xyz123'",
            "this-package-does-not-exist-xyz123",
            "the registry has no package this-package-does-not-exist-xyz123",
        ),
        (
            "import { groupBy } from 'lodash-es'",
            "lodash-es@^99.0.0",
            "lodash-es has no version that fits '^99.0.0'; allow another version",
        ),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_saved(
    bundler: DenoBundler, script: str, package: str, reason: str
) -> None:
    with pytest.raises(ScriptInvalidError) as caught:
        bundled(bundler, script, package)
    [error] = caught.value.errors
    assert reason in error
