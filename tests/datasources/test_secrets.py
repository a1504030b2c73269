"""A secret of datasources.yaml is never shown: not in a repr, an error, a problem or a log."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import AnalysisSandboxError
from tests.datasources.conftest import Server

CANARY = "canary7secret"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CANARY", CANARY)
    return tmp_path / "datasources.yaml"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def everything_said(error: BaseException) -> str:
    """Return all that an error could show anywhere."""
    texts = ["".join(traceback.format_exception(error))]
    if isinstance(error, AnalysisSandboxError):
        texts += [repr(error), error.message, str(error.hint), repr(error.details)]
    return "\n".join(texts)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{CANARY}@127.0.0.1:1/db",
        "postgresql://user:${CANARY}@127.0.0.1:1/db",
        f"postgresql://user:p?{CANARY}@127.0.0.1:1/db",
        f"postgresql://user:p#{CANARY}@127.0.0.1:1/db",
        f"postgresql://user@127.0.0.1:1/db?password={CANARY}",
        f"host=127.0.0.1 port=1 user=x password={CANARY}",
    ],
)
def test_a_password_is_in_no_repr_and_no_error(
    file: Path, log: pytest.LogCaptureFixture, url: str
) -> None:
    file.write_text(
        f"projects: {{default: {{db: {{type: postgresql, url: '{url}'}}}}}}", encoding="utf-8"
    )
    configurations = DatasourceConfigurations(file)
    connections = Connections(configurations)
    entry = configurations.project("default")["db"]
    datasource = connections.get("default", "db")

    with pytest.raises(AnalysisSandboxError) as caught:
        datasource.operations()["query"]("select 1")
    connections.close()

    said = [
        repr(configurations.project("default")),
        repr(entry),
        str(entry.config),
        entry.config.model_dump_json(),
        repr(vars(datasource)),
        repr(connections.operations("default")),
        everything_said(caught.value),
        log.text,
    ]
    assert CANARY not in "\n".join(said)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:p@{CANARY}@127.0.0.1/db",
        f"postgresql://user:p/{CANARY}@127.0.0.1/db",
        f"postgresql://user:5432/{CANARY}@127.0.0.1/db",
        f"postgresql://user:%zz{CANARY}@127.0.0.1/db",
        f"http://user:{CANARY}@127.0.0.1/db",
        f"password={CANARY} and more",
        CANARY,
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(file: Path, url: str) -> None:
    file.write_text(
        f"projects: {{default: {{db: {{type: postgresql, url: '{url}'}}}}}}", encoding="utf-8"
    )
    configurations = DatasourceConfigurations(file)

    assert CANARY not in str(configurations.problem)
    assert configurations.problem is not None
    assert "percent-encoded" in configurations.problem


@pytest.mark.parametrize(
    "fields",
    [
        f"{{type: postgresql, url: {{a: {CANARY}}}}}",
        f"{{type: postgresql, url: [{CANARY}]}}",
        f"{{type: postgresql, url: 'postgresql://h/d', access: {CANARY}}}",
        f"{{type: postgresql, url: 'postgresql://h/d', pool_size: {CANARY}}}",
        f"{{type: postgresql, url: *{CANARY}}}",
        f"{{type: postgresql, url: !{CANARY} x}}",
        f'{{type: postgresql, url: "{CANARY}\\q"}}',
        f"{{type: postgresql, url: {CANARY}, url: {CANARY}: {CANARY}}}",
        f"{{type: postgresql, url: '{CANARY}",
        f"{{type: postgresql, url: %{CANARY}}}",
    ],
)
def test_a_broken_file_is_not_quoted(file: Path, fields: str) -> None:
    file.write_text(f"projects:\n  default:\n    db: {fields}\n", encoding="utf-8")

    problem = DatasourceConfigurations(file).problem

    assert problem is not None
    assert CANARY not in problem


def test_a_password_is_not_shown_when_the_server_refuses(
    file: Path, postgres: Server, log: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql://nobody:{CANARY}@/missing?host={postgres.directory}"
    file.write_text(
        f"projects: {{default: {{db: {{type: postgresql, url: '{url}'}}}}}}", encoding="utf-8"
    )

    with (
        Connections(DatasourceConfigurations(file)) as connections,
        pytest.raises(AnalysisSandboxError) as caught,
    ):
        connections.get("default", "db").operations()["query"]("select 1")

    assert "nobody" in caught.value.message
    assert CANARY not in everything_said(caught.value) + log.text


def test_a_working_password_is_not_shown(
    file: Path, postgres: Server, log: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql://postgres:{CANARY}@/postgres?host={postgres.directory}"
    file.write_text(
        f"projects: {{default: {{db: {{type: postgresql, url: '{url}'}}}}}}", encoding="utf-8"
    )

    with Connections(DatasourceConfigurations(file)) as connections:
        datasource = connections.get("default", "db")
        query = datasource.operations()["query"]
        assert CANARY not in str(query("select * from pg_stat_activity"))
        with pytest.raises(AnalysisSandboxError) as caught:
            query("select nonsense")
        shown = repr(vars(datasource))

    assert CANARY not in shown + everything_said(caught.value) + log.text
