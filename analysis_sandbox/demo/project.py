"""The demo project in a home: its datasources, and its analyses stored over the REST API."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml
from psycopg import sql

from analysis_sandbox.catalogue.database import demo_database_url
from analysis_sandbox.demo import data
from analysis_sandbox.errors import AnalysisSandboxError, ConfigurationError
from analysis_sandbox.settings import Settings

EXAMPLES = Path(__file__).parent / "examples"
DATABASE = "demo"
# In this order: an analysis is stored after the ones it depends on.
ANALYSES: Mapping[str, str] = {
    "carrier_delays": "How punctual is each airline, with parameters",
    "delay_by_aircraft_age": "PostgreSQL and SQLite joined in the warehouse",
    "daily_flight_summary": "A scheduled ETL that keeps a table and remembers its place",
    "airport_comparison": "Calls another analysis, three times at once",
    "route_punctuality": "A select whose choices depend on another",
    "weather_and_delays": "TypeScript: rows with types, an enum, a class",
    "weather_completeness": "Fails on purpose, with an error that helps",
}


def load(settings: Settings, progress: data.Progress) -> bool:
    """Load the demo's data and configure its datasources; return False when nothing was to do.

    Raises:
        ConfigurationError: the demo's database cannot be made.
    """
    try:
        _make_database(settings)
        with psycopg.connect(demo_database_url(settings, DATABASE)) as connection:
            loaded = data.load_postgresql(connection, progress)
    except psycopg.Error as error:
        raise ConfigurationError(
            f"The demo's database cannot be made: {error}",
            hint=f"It needs a database named {DATABASE}, or the right to make one.",
        ) from error
    file = settings.home / "demo" / "reference.db"
    loaded = data.load_sqlite(file, progress) or loaded
    _configure(settings, demo_database_url(settings, DATABASE, user=data.READER_ROLE))
    return loaded


def _make_database(settings: Settings) -> None:
    url = demo_database_url(settings, "catalogue")
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _configure(settings: Settings, url: str) -> None:
    """Add the demo's datasources to `datasources.yaml` and leave what is there as it is."""
    path = settings.datasources_file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    document: dict[str, Any] = yaml.safe_load(text) or {}
    project = document.setdefault("projects", {}).setdefault("default", {})
    wanted = {
        "flights_db": {"type": "postgresql", "url": url, "access": "read_only"},
        "reference": {"type": "sqlite", "path": "./demo/reference.db", "access": "read_only"},
    }
    if {name: project.get(name) for name in wanted} == wanted:
        return
    project.update(wanted)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    temporary.replace(path)


@dataclass(frozen=True, slots=True)
class Store:
    """Stores the demo's analyses through a running API."""

    client: httpx.Client

    def store_all(self, say: Callable[[str], None]) -> None:
        """Create each analysis, or a new version where its script changed."""
        existing = {item["id"] for item in self._get("/api/analysis")}
        for name, description in ANALYSES.items():
            [file] = EXAMPLES.glob(f"{name}.[jt]s")
            script = file.read_text(encoding="utf-8")
            if name not in existing:
                metadata = {"name": name, "description": description, "tags": ["demo"]}
                body = {"script_content": script, "metadata": metadata}
                self._checked(self.client.post("/api/analysis", json=body))
                say(f"stored {name}: {description}")
            elif self._get(f"/api/analysis/{name}/script")["script"] != script:
                body = {"script_content": script, "change_description": "The demo's new version"}
                self._checked(self.client.put(f"/api/analysis/{name}", json=body))
                say(f"updated {name}")

    def run(self, name: str, parameters: Mapping[str, object]) -> dict[str, Any]:
        """Run an analysis and return its job's status once it ended."""
        answer = self.client.post(f"/api/analysis/{name}/execute", json={"parameters": parameters})
        job_id = self._checked(answer)["job_id"]
        while True:
            job = self._get(f"/api/analysis/jobs/{job_id}")
            if job["status"] not in ("pending", "running"):
                return job
            time.sleep(0.02)

    def _get(self, path: str) -> Any:
        return self._checked(self.client.get(path))

    @staticmethod
    def _checked(answer: httpx.Response) -> Any:
        if answer.is_error:
            raise AnalysisSandboxError(f"The API answered {answer.status_code}: {answer.text}")
        return answer.json()
