"""The application as a whole: its description, and what it closes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

from analysis_sandbox.services.datasource_models import (
    DatasourceCatalog,
    DatasourceDetail,
    DatasourceList,
    DatasourceSample,
    DatasourceTest,
    DatasourceType,
)
from analysis_sandbox.services.models import (
    AnalysisDetail,
    AnalysisLimits,
    AnalysisSummary,
    JobStatus,
    Options,
    ResourceMaximums,
    ResourceUsage,
    Started,
    Validation,
)
from analysis_sandbox.services.warehouse_models import (
    ResultRows,
    WarehouseRows,
    WarehouseTable,
    WarehouseTables,
)
from analysis_sandbox.settings import Settings
from api import examples
from api.app import create_app
from tests.api.twin import Installation

SNAPSHOT = Path(__file__).with_name("openapi.json")


def described(app: FastAPI) -> str:
    return json.dumps(app.openapi() | {"info": "left out"}, indent=1, sort_keys=True) + "\n"


def operations(app: FastAPI) -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, operation)
        for path, methods in app.openapi()["paths"].items()
        for operation in methods.values()
    ]


def test_the_description_is_the_one_that_clients_were_built_from(app: FastAPI) -> None:
    # After a change that is meant: python -m tests.api.test_application
    assert described(app) == SNAPSHOT.read_text(encoding="utf-8")


def test_every_operation_has_a_name_a_summary_and_its_errors(app: FastAPI) -> None:
    names = [operation["operationId"] for _, operation in operations(app)]

    assert len(set(names)) == len(names) == 35
    for path, operation in operations(app):
        assert operation["summary"]
        assert operation["description"]
        assert len(operation["tags"]) == 1
        if path.startswith("/api/"):
            assert {"401", "403", "422", "500", "503"} <= set(operation["responses"])
            assert operation["security"] == [{"token": []}]


def test_every_documented_error_is_the_envelope(app: FastAPI) -> None:
    for _, operation in operations(app):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorEnvelope"}


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (AnalysisSummary, examples.ANALYSES[0]),
        (AnalysisDetail, examples.ANALYSIS),
        (Validation, examples.VALIDATION),
        (Options, examples.OPTIONS),
        (Started, examples.STARTED),
        (JobStatus, examples.JOB),
        (AnalysisLimits, examples.LIMITS),
        (WarehouseTables, examples.WAREHOUSE_TABLES),
        (WarehouseTable, examples.WAREHOUSE_TABLE),
        (WarehouseRows, examples.WAREHOUSE_ROWS),
        (ResultRows, examples.RESULT_ROWS),
        (ResourceMaximums, examples.MAXIMUMS),
        (ResourceUsage, examples.USAGE[0]),
        (DatasourceList, examples.DATASOURCES),
        (DatasourceDetail, examples.DATASOURCE),
        (DatasourceType, examples.DATASOURCE_TYPES[0]),
        (DatasourceTest, examples.DATASOURCE_TEST),
        (DatasourceCatalog, examples.DATASOURCE_CATALOG),
        (DatasourceSample, examples.DATASOURCE_SAMPLE),
    ],
)
def test_an_example_is_an_answer_that_could_be_given(
    model: type[BaseModel], example: dict[str, object]
) -> None:
    answer = model.model_validate(example)

    assert set(example) <= set(answer.model_dump())


def test_the_description_is_served_to_those_with_a_token(client: TestClient) -> None:
    assert client.get("/openapi.json").json()["info"]["title"] == "Analysis Sandbox"


def test_the_application_closes_its_services_when_it_ends(
    app: FastAPI, installation: Installation
) -> None:
    with TestClient(app):
        assert not installation.closed

    assert installation.closed


def test_the_log_of_the_process_is_one_json_object_per_line() -> None:
    program = (
        "import logging; from api.logs import configure_logging; configure_logging('INFO');"
        "logging.getLogger('uvicorn.error').info('listening');"
        "logging.getLogger('uvicorn.access').info('hidden');"
        "logging.getLogger('analysis_sandbox.x').warning('two\\nlines')"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )

    lines = [json.loads(line) for line in answer.stderr.splitlines()]
    assert [line["message"] for line in lines] == ["listening", "two\nlines"]
    assert [line["level"] for line in lines] == ["INFO", "WARNING"]


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd()
    SNAPSHOT.write_text(
        described(create_app(Installation().services, Settings(home=directory))), encoding="utf-8"
    )
