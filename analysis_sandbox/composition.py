"""Builds the real objects of one installation: the only place that knows them all."""

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import cast

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.embedded import attach_or_start
from analysis_sandbox.catalogue.engine import database_url
from analysis_sandbox.catalogue.keys import SecretKeys
from analysis_sandbox.catalogue.metadata import MetadataRepository
from analysis_sandbox.catalogue.migrations import migrate
from analysis_sandbox.catalogue.records import RunFinish, VersionRecord
from analysis_sandbox.catalogue.stored_datasources import StoredDatasources
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.datasources.stored import StoredView
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConfigurationError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from analysis_sandbox.execution.evaluation import Evaluator
from analysis_sandbox.execution.runner import Environment, Runner
from analysis_sandbox.execution.versions import VersionCache
from analysis_sandbox.orchestration import environment as dagster_side
from analysis_sandbox.orchestration.gateway import DagsterGateway
from analysis_sandbox.orchestration.pool_client import PoolClient
from analysis_sandbox.processes import has_owner
from analysis_sandbox.results.store import ResultStore
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.script.packages.bundling import DenoBundler
from analysis_sandbox.script.packages.imports import check_allowed_packages
from analysis_sandbox.script.typescript.type_check import DenoTypeChecker
from analysis_sandbox.script.validation import check_limits
from analysis_sandbox.services.access import AccessService
from analysis_sandbox.services.analyses import AnalysisService, validation_of
from analysis_sandbox.services.authoring import AuthoringRules
from analysis_sandbox.services.bundle import Services
from analysis_sandbox.services.datasources import DatasourceService
from analysis_sandbox.services.discovery import DiscoveryService
from analysis_sandbox.services.limits import LimitService
from analysis_sandbox.services.models import Validation
from analysis_sandbox.services.options import OptionsService
from analysis_sandbox.services.runs import RunService
from analysis_sandbox.services.warehouse import WarehouseService
from analysis_sandbox.settings import Settings, load_settings, registry_environment
from analysis_sandbox.values import JSONObject, to_json
from analysis_sandbox.warehouse.client import Warehouse

# A worker's death is reported at once by the pool; this finds what nobody was left to report.
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Core:
    """What runs and services share in one process."""

    environment: Environment
    stored: StoredDatasources
    configurations: DatasourceConfigurations
    close: Callable[[], None]


def build_services(settings: Settings) -> Services:
    """Build all use cases for a face; the database must be up.

    Raises:
        ConfigurationError: no database, or one that is newer than this code.
    """
    core = _core(settings)
    shared = core.environment
    gateway = DagsterGateway(settings)
    evaluator = _evaluator(
        settings, shared.sandbox, shared.connections, metadata=shared.catalogue.metadata
    )
    rules = _rules(settings)
    runs = RunService(
        catalogue=shared.catalogue,
        versions=shared.versions,
        results=shared.results,
        gateway=gateway,
        system=rules.limits,
    )
    stop_settling = _settle_regularly(runs)

    def close() -> None:
        stop_settling()
        gateway.close()
        core.close()

    return Services(
        access=AccessService(shared.catalogue, admin_token=read_admin_token(settings)),
        analyses=AnalysisService(
            catalogue=shared.catalogue,
            versions=shared.versions,
            connections=shared.connections,
            evaluator=evaluator,
            gateway=gateway,
            rules=rules,
        ),
        runs=runs,
        options=OptionsService(
            versions=shared.versions, evaluator=evaluator, connections=shared.connections
        ),
        limits=LimitService(
            catalogue=shared.catalogue,
            versions=shared.versions,
            gateway=gateway,
            system=rules.limits,
        ),
        warehouse=WarehouseService(
            catalogue=shared.catalogue, warehouse=shared.warehouse, system=rules.limits
        ),
        datasources=DatasourceService(
            catalogue=shared.catalogue, stored=core.stored, configurations=core.configurations
        ),
        discovery=DiscoveryService(
            configurations=core.configurations, connections=shared.connections
        ),
        readiness=lambda: _readiness(settings, shared.catalogue),
        close=close,
    )


@cache
def dagster_environment() -> dagster_side.Environment:
    """Return what Dagster's processes need to load and run jobs; built once per process."""
    settings = load_settings()
    if not has_owner(settings.owner_lock):
        attach_or_start(settings)
        migrate(database_url(settings, "catalogue", driver="psycopg"))
    core = _core(settings)
    catalogue = core.environment.catalogue

    def crashed(run_id: str, report: dagster_side.CrashReport) -> None:
        facts = cast("JSONObject", to_json(asdict(report)))
        catalogue.runs.finish(
            RunFinish(
                run_id=run_id,
                status="cancelled" if report.stop_requested else "crashed",
                error=report.reason,
                error_detail={
                    "code": "CANCELLED" if report.stop_requested else "CRASHED",
                    "transient": not report.stop_requested,
                    "details": facts,
                },
            )
        )
        # A run that Dagster started and that died before its op began has no row here.
        with suppress(NotFoundError):
            catalogue.crashes.record(run_id, facts)

    evaluator = _evaluator(
        settings,
        core.environment.sandbox,
        core.environment.connections,
        metadata=core.environment.catalogue.metadata,
    )

    def should_run(version: VersionRecord, given: JSONObject, scheduled_time: datetime) -> bool:
        stored = core.environment.versions.remember(version)
        return evaluator.should_run(stored, given, scheduled_time=scheduled_time)

    def warm() -> None:
        core.environment.sandbox.prepare()
        catalogue.ping()

    return dagster_side.Environment(
        settings=settings,
        versions=catalogue.analyses,
        execute=Runner(core.environment).execute,
        should_run=should_run,
        crashed=crashed,
        warm=warm,
    )


def read_admin_token(settings: Settings) -> str:
    """Return the admin's token.

    Raises:
        UnauthenticatedError: there is none: nothing was ever started on this home.
    """
    if settings.admin_token is not None:
        return settings.admin_token.get_secret_value()
    try:
        return settings.admin_token_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise UnauthenticatedError(
            f"There is no admin token in {settings.home}",
            hint="Start it once: analysis-sandbox up",
        ) from None


def validate_locally(
    settings: Settings, source: str, *, filename: str, packages: Sequence[str] = ()
) -> Validation:
    """Check a script without any server: everything but whether its datasources exist.

    It may import `packages` and those that the settings allow in any project.

    Raises:
        UnavailableError: the registry that packages come from cannot be reached.
    """
    allowed = [name for names in settings.packages.values() for name in names]
    connections = Connections(DatasourceConfigurations(Path("datasources.yaml")))
    with Sandbox(allow_weak=settings.allow_weak_sandbox) as sandbox:
        inspection = _evaluator(settings, sandbox, connections).inspect(
            source, filename=filename, allowed_packages=list(dict.fromkeys([*allowed, *packages]))
        )
    limits = check_limits(inspection, settings.system_limits.maximum)
    return validation_of(inspection, [*inspection.errors, *limits])


def sandbox_report(settings: Settings) -> Mapping[str, str]:
    """Return each layer of the sandbox with `ok` or why it is missing, measured in a real child."""
    with Sandbox(allow_weak=settings.allow_weak_sandbox) as sandbox:
        return sandbox.prepare()


def _core(settings: Settings) -> _Core:
    catalogue = Catalogue(database_url(settings, "catalogue", driver="psycopg"))
    stored = StoredDatasources(catalogue.datasources, SecretKeys(settings))
    configurations = DatasourceConfigurations(
        settings.datasources_file, stored=StoredView(stored, directory=settings.home)
    )
    connections = Connections(configurations)
    sandbox = Sandbox(allow_weak=settings.allow_weak_sandbox)
    warehouses: dict[str, Warehouse] = {}

    def warehouse(project: str) -> Warehouse:
        return warehouses.setdefault(project, Warehouse(settings, project))

    def close() -> None:
        sandbox.close()
        connections.close()
        catalogue.close()

    environment = Environment(
        catalogue=catalogue,
        versions=VersionCache(catalogue),
        sandbox=sandbox,
        connections=connections,
        results=ResultStore(settings.results_directory),
        warehouse=warehouse,
        system_limits=settings.system_limits,
    )
    return _Core(environment, stored, configurations, close)


def _evaluator(
    settings: Settings,
    sandbox: Sandbox,
    connections: Connections,
    *,
    metadata: MetadataRepository | None = None,
) -> Evaluator:
    return Evaluator(
        sandbox,
        connections,
        metadata=metadata,
        require_dependencies=settings.require_dependencies,
        packages=DenoBundler(settings.packages_directory, environment=registry_environment()),
        type_checker=DenoTypeChecker(settings.home / "cache" / "types"),
    )


def _rules(settings: Settings) -> AuthoringRules:
    """Return what the settings allow authors.

    Raises:
        ConfigurationError: a package of the settings cannot be allowed.
    """
    for project, packages in settings.packages.items():
        if problems := check_allowed_packages(packages):
            raise ConfigurationError(
                f"The configuration is not valid: packages.{project}: {'; '.join(problems)}"
            )
    return AuthoringRules(limits=settings.system_limits, packages=settings.packages)


def _settle_regularly(runs: RunService) -> Callable[[], None]:
    """Settle runs whose process died, again and again, until the returned function is called."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(_SETTLE_SECONDS):
            # The database is away for the moment: the next round sees the same runs.
            with suppress(AnalysisSandboxError):
                runs.settle()

    thread = threading.Thread(target=work, name="settle-runs", daemon=True)
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join()

    return stop


def _readiness(settings: Settings, catalogue: Catalogue) -> Mapping[str, str | None]:
    return {
        "database": _problem(catalogue.ping),
        "run_pool": _problem(lambda: _require_workers(settings)),
        "code_server": _problem(lambda: _connect(settings.code_server_socket)),
        "dagster_webserver": _problem(lambda: _connect(settings.dagster_port)),
    }


def _problem(check: Callable[[], None]) -> str | None:
    try:
        check()
    except (OSError, AnalysisSandboxError) as error:
        return str(error)
    return None


def _require_workers(settings: Settings) -> None:
    status = PoolClient(settings.pool_socket).status()
    if not status.ready + status.busy:
        raise UnavailableError(f"None of its {status.workers} workers is ready")


def _connect(address: Path | int) -> None:
    if isinstance(address, int):
        socket.create_connection(("127.0.0.1", address), timeout=2).close()
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        probe.connect(str(address))
