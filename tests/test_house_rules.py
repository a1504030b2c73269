"""Rules that no linter knows: sizes, a light package, and what a wheel holds."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    path
    for package in ("analysis_sandbox", "api")
    for path in (ROOT / package).rglob("*.py")
    if "versions" not in path.parts
)
RUNTIME = sorted((ROOT / "analysis_sandbox" / "sandbox" / "runtime").rglob("*.js"))
MAX_LINES = 600
MAX_PUBLIC_NAMES = 12
MAX_FUNCTION_LINES = 60
MAX_SCRIPT_LINES = 300
# Tables of error classes and of answer shapes: one place for each is the point.
MANY_NAMES = {"errors.py", "models.py", "records.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_stays_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    public = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    ]

    assert len(source.splitlines()) <= MAX_LINES
    assert path.name in MANY_NAMES or len(public) <= MAX_PUBLIC_NAMES
    assert [f.name for f in functions if (f.end_lineno or 0) - f.lineno > MAX_FUNCTION_LINES] == []


@pytest.mark.parametrize("path", RUNTIME, ids=lambda path: path.name)
def test_a_runtime_script_stays_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_SCRIPT_LINES


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import analysis_sandbox, sys; print(' '.join(sorted(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    assert "analysis_sandbox" in loaded
    assert not {"dagster", "duckdb", "polars", "pydantic", "sqlalchemy"} & set(loaded)


def test_a_wheel_owns_two_top_level_names_and_brings_its_files(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"analysis_sandbox", "api"}
    assert "analysis_sandbox/sandbox/runtime/analysis.d.ts" in names
    assert "analysis_sandbox/orchestration/dagster.yaml" in names
    assert "analysis_sandbox/demo/examples/carrier_delays.js" in names
    assert any(name.startswith("analysis_sandbox/catalogue/migrations/versions/") for name in names)
