"""datasources.yaml: what it means, what is wrong with it, and when it is read again."""

import os
from pathlib import Path
from typing import cast

import pytest

from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.postgresql.datasource import PostgreSQLConfig
from analysis_sandbox.datasources.sqlite.datasource import SQLiteConfig

GOOD = """\
projects:
  default:
    postgres_main: {type: postgresql, url: "${PG_URL}"}
    sqlite_local:
      type: sqlite
      path: ./data/local.db
      access: read_write
  other:
    sqlite_local: {type: sqlite, path: /tmp/other.db, query_timeout_seconds: "${TIMEOUT}"}
"""
URL = "postgresql://user:canary-password@db.example:5432/shop"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PG_URL", URL)
    monkeypatch.setenv("TIMEOUT", "7.5")
    return tmp_path / "datasources.yaml"


@pytest.fixture
def configurations(file: Path) -> DatasourceConfigurations:
    file.write_text(GOOD, encoding="utf-8")
    return DatasourceConfigurations(file)


def rewrite(file: Path, text: str) -> None:
    """Write the file as an editor does, with a time stamp that certainly differs."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(text, encoding="utf-8")
    os.utime(file, ns=(before + 1_000_000, before + 1_000_000))


def test_every_project_has_its_own_datasources(
    configurations: DatasourceConfigurations, tmp_path: Path
) -> None:
    default = configurations.project("default")
    postgres, local = default["postgres_main"], default["sqlite_local"]

    assert configurations.problem is None
    assert configurations.projects() == ["default", "other"]
    assert (postgres.type, postgres.project, postgres.access) == (
        "postgresql",
        "default",
        "read_only",
    )
    assert cast("PostgreSQLConfig", postgres.config).url.get_secret_value() == URL
    assert local.access == "read_write"
    assert cast("SQLiteConfig", local.config).path == tmp_path / "data" / "local.db"
    other = cast("SQLiteConfig", configurations.project("other")["sqlite_local"].config)
    assert other.path == Path("/tmp/other.db")
    assert other.query_timeout_seconds == 7.5


def test_an_unknown_project_has_none(configurations: DatasourceConfigurations) -> None:
    assert configurations.project("nobody") == {}


@pytest.mark.parametrize("text", ["", "projects:\n", "projects: {}", "projects: {default: }"])
def test_an_empty_file_means_none(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    configurations = DatasourceConfigurations(file)

    assert configurations.project("default") == {}
    assert configurations.problem is None


def test_a_missing_file_means_none(file: Path) -> None:
    configurations = DatasourceConfigurations(file)

    assert configurations.projects() == []
    assert configurations.problem is None
    assert configurations.revision == 0


def test_a_file_that_appears_later_is_read(file: Path) -> None:
    configurations = DatasourceConfigurations(file)
    assert configurations.projects() == []

    file.write_text(GOOD, encoding="utf-8")
    assert configurations.projects() == ["default", "other"]


def test_a_changed_file_is_read_again(configurations: DatasourceConfigurations, file: Path) -> None:
    before = configurations.project("default")
    revision = configurations.revision

    rewrite(file, GOOD.replace("access: read_write", "access: read_only"))
    after = configurations.project("default")

    assert after["sqlite_local"].access == "read_only"
    assert configurations.revision == after["sqlite_local"].revision == revision + 1
    assert after["postgres_main"] is before["postgres_main"]


def test_a_change_that_configures_nothing_else_keeps_the_revision(
    configurations: DatasourceConfigurations, file: Path
) -> None:
    revision = configurations.revision

    rewrite(file, GOOD + "# a comment\n")

    assert configurations.revision == revision


def test_a_removed_file_removes_the_datasources(
    configurations: DatasourceConfigurations, file: Path
) -> None:
    revision = configurations.revision
    file.unlink()

    assert configurations.project("default") == {}
    assert configurations.revision == revision + 1


def test_a_broken_file_keeps_what_was_and_says_why(
    configurations: DatasourceConfigurations, file: Path
) -> None:
    before = configurations.project("default")

    rewrite(file, GOOD.replace("read_write", "sometimes"))
    assert configurations.project("default") == before
    assert configurations.problem is not None
    assert "line 7: default.sqlite_local.access: Input should be 'read_only'" in (
        configurations.problem
    )

    rewrite(file, GOOD)
    assert configurations.problem is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("projects: [", "line 1: "),
        ("projects:\n  default: {a: {type: sqlite, path: x}\n", "line 3: "),
        ("projects:\n  default:\n\ta: 1\n", "line 3: "),
        ("- a", "line 1: must be a mapping with the key projects"),
        ("project: {}", "line 1: unknown key 'project'; the only one is projects"),
        ("projects: 5", "line 1: must be a mapping of project names"),
        ("projects:\n  default: 5", "line 2: default: must be a mapping of datasource names"),
        (
            "projects:\n  default:\n    a: 5",
            "line 3: default.a: must be a mapping with the key type",
        ),
        ("projects:\n  default:\n    a: {}", "line 3: default.a: type is missing"),
        (
            "projects:\n  default:\n    a-b: {type: sqlite}",
            "line 3: default.a-b: 'a-b' is not a datasource name",
        ),
        ("projects:\n  default:\n    1a: {type: sqlite}", "'1a' is not a datasource name"),
        ("projects:\n  default:\n    on: {type: sqlite}", "'True' is not a datasource name"),
        ("projects:\n  ../x: {}", "line 2: ../x: '../x' is not a project name"),
        (
            "projects:\n  default:\n    a: {type: oracle}",
            "line 3: default.a.type: Unknown datasource type 'oracle'. Known types: ",
        ),
        (
            "projects:\n  default:\n    a:\n      type: sqlite\n",
            "line 3: default.a.path: Field required",
        ),
        (
            "projects:\n  default:\n    a:\n      type: sqlite\n      path: x\n      pth: y\n",
            "line 6: default.a.pth: Extra inputs are not permitted",
        ),
        (
            "projects:\n  default:\n    a: {type: sqlite, path: x}\n    a: {type: sqlite, path: y}",
            "line 4: default.a: 'a' stands there twice",
        ),
        (
            "projects:\n  default:\n    a:\n      type: sqlite\n      path: ${UNSET_A}/${UNSET_B}",
            "line 5: default.a.path: Not set in the environment: UNSET_A, UNSET_B",
        ),
        (
            "projects:\n  default:\n    a: {type: postgresql, url: 'http://x'}",
            "line 3: default.a.url: Value error, must look like postgresql://",
        ),
        (
            "projects:\n  default:\n    a: {type: sqlite, path: x, pool_size: 0}",
            "default.a.pool_size: Input should be greater than or equal to 1",
        ),
        ("projects:\n  default: &x\n    a: *x", "it refers to itself"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(file: Path, text: str, problem: str) -> None:
    file.write_text(text, encoding="utf-8")
    configurations = DatasourceConfigurations(file)

    assert configurations.projects() == []
    assert configurations.problem is not None
    assert configurations.problem.startswith("datasources.yaml is not in effect: ")
    assert problem in configurations.problem


def test_everything_wrong_is_said_at_once(file: Path) -> None:
    file.write_text(
        "projects:\n  default:\n    a: {type: sqlite}\n    b: {type: nope}\n    c: 1\n",
        encoding="utf-8",
    )
    problem = DatasourceConfigurations(file).problem

    assert problem is not None
    assert all(part in problem for part in ("line 3: default.a", "line 4: default.b", "line 5: "))


def test_a_file_that_is_no_text_is_a_problem(file: Path) -> None:
    file.write_bytes(b"projects: \xff\xfe")

    assert "cannot be read" in (DatasourceConfigurations(file).problem or "")


def test_a_byte_order_mark_does_not_matter(file: Path) -> None:
    file.write_text(GOOD, encoding="utf-8-sig")

    assert DatasourceConfigurations(file).projects() == ["default", "other"]
