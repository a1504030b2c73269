"""Stored analyses: created, changed, deleted, and shown without their functions."""

import json
from collections.abc import Callable, Sequence

import pytest

from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ScriptInvalidError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.execution.evaluation import Evaluator
from analysis_sandbox.execution.versions import VersionCache
from analysis_sandbox.limits import SystemLimits
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.script.packages.imports import Bundle, PackageImport, PinnedPackage
from analysis_sandbox.services.access import Role
from analysis_sandbox.services.analyses import AnalysisService, Authoring
from analysis_sandbox.services.authoring import AuthoringRules
from analysis_sandbox.values import JSONObject
from tests.services.conftest import Project

PLAIN = 'export default { title: "Monthly report", run() { return {} } };'
UNTITLED = "export default { run() { return {} } };"
WRONG = 'export default { title: 7, schedule: { cron: "never" }, run: 1 };'
FULL = """export default {
  title: "Cities",
  dependencies: { datasources: ["shop"] },
  execution: { timeout_ms: 9000 },
  parameters: {
    country: {
      type: "select", required: true, options: [{ value: "AT", label: "Austria" }],
    },
    city: {
      type: "select",
      options: async (ctx, params) =>
        ctx.datasource.shop.query("SELECT city AS value FROM cities WHERE country = ?",
          [params.country]),
    },
    limit: { type: "number", min: 1, max: 10, default: 5, description: "How many" },
  },
  async run(ctx, params) { return params },
};"""


def scheduled(more: str = "") -> str:
    schedule = f'schedule: {{ cron: "0 6 * * 1", timezone: "Europe/Vienna" {more} }}'
    return f'export default {{ title: "Monthly report", {schedule}, run() {{ return {{}} }} }};'


def using(kind: str, *names: str) -> str:
    return (
        f'export default {{ title: "User", dependencies: {{ {kind}: {json.dumps(names)} }}, '
        "run() { return {} } };"
    )


def test_a_created_analysis_is_version_1_under_the_name_of_its_title(home: Project) -> None:
    saved = home.analyses.create(home.manager, PLAIN)

    assert (saved.success, saved.analysis_id, saved.version) == (True, "monthly_report", 1)
    assert saved.title == "Monthly report"
    assert saved.uuid == str(home.analysis_uuid("monthly_report"))
    assert home.gateway.refreshes == 1


def test_a_name_in_the_metadata_wins_over_the_title(home: Project) -> None:
    saved = home.analyses.create(home.manager, PLAIN, {"name": "sales"})

    assert (saved.analysis_id, saved.title) == ("sales", "Monthly report")


def test_a_script_without_a_title_is_shown_by_its_name(home: Project) -> None:
    saved = home.analyses.create(home.manager, UNTITLED, {"name": "daily_sales"})

    assert saved.title == "Daily sales"
    assert saved.warnings


def test_neither_title_nor_name_is_a_missing_field(home: Project) -> None:
    with pytest.raises(ValidationFailedError, match="title") as refused:
        home.analyses.create(home.manager, UNTITLED)

    assert list(refused.value.fields) == ["metadata.name"]
    assert home.analyses.summaries(home.viewer) == []


@pytest.mark.parametrize("name", ["Sales", "a__b", "1st", "sales/eu"])
def test_a_name_that_is_none_is_refused(home: Project, name: str) -> None:
    with pytest.raises(ValidationFailedError):
        home.create(PLAIN, name=name)


def test_a_taken_name_is_a_conflict_and_changes_nothing(home: Project) -> None:
    home.create(PLAIN)
    refreshes = home.gateway.refreshes

    with pytest.raises(ConflictError, match="monthly_report"):
        home.create(scheduled())

    assert home.analyses.detail(home.viewer, "monthly_report").version == 1
    assert home.gateway.refreshes == refreshes


def test_an_unknown_key_of_the_metadata_is_named(home: Project) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        home.create(PLAIN, nmae="sales", tags="not a list")

    assert set(refused.value.fields) == {"metadata.nmae", "metadata.tags"}


def test_limits_in_the_metadata_win_over_those_of_the_script(home: Project) -> None:
    name = home.create(FULL, limits={"timeout_ms": 500})

    limits = home.analyses.detail(home.viewer, name).limits
    assert (limits["timeout_ms"], limits["memory_mb"]) == (500, 256)


def test_limits_beyond_the_maximum_are_refused(home: Project) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        home.create(PLAIN, limits={"memory_mb": 1 << 20})

    assert [name for name in refused.value.fields if name.startswith("metadata.limits.")]


def test_every_error_of_a_script_is_told_at_once(home: Project) -> None:
    with pytest.raises(ScriptInvalidError) as refused:
        home.create(WRONG)

    told = "\n".join(refused.value.errors)
    assert all(word in told for word in ("title", "cron", "run"))
    assert len(refused.value.errors) >= 3
    assert home.analyses.summaries(home.viewer) == []


def test_a_script_may_not_use_what_does_not_exist(home: Project) -> None:
    with pytest.raises(ScriptInvalidError, match="Datasource 'nowhere' not found"):
        home.create(using("datasources", "shop", "nowhere"))


def test_a_script_may_use_another_analysis_once_it_exists(home: Project) -> None:
    with pytest.raises(ScriptInvalidError, match="Analysis 'monthly_report' not found"):
        home.create(using("analyses", "monthly_report"))
    home.create(PLAIN)

    assert home.create(using("analyses", "monthly_report")) == "user"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.RUNNER])
@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_changing_analyses_needs_a_manager(home: Project, role: Role, operation: str) -> None:
    name, caller = home.create(PLAIN), home.caller(role)
    operations: dict[str, Callable[[], object]] = {
        "create": lambda: home.analyses.create(caller, PLAIN, {"name": "another"}),
        "update": lambda: home.analyses.update(caller, name, scheduled()),
        "delete": lambda: home.analyses.delete(caller, name),
    }

    with pytest.raises(ForbiddenError, match="manager"):
        operations[operation]()

    [summary] = home.analyses.summaries(caller)
    assert (summary.id, summary.version) == (name, 1)


def test_a_viewer_may_read_and_validate(home: Project) -> None:
    name = home.create(PLAIN)

    assert home.analyses.source(home.viewer, name).script == PLAIN
    assert home.analyses.validate(home.viewer, PLAIN).valid


def test_an_update_is_the_next_version_and_tells_the_orchestrator(home: Project) -> None:
    name = home.create(PLAIN)
    changed = PLAIN.replace("Monthly report", "Report of the month")

    saved = home.analyses.update(home.manager, name, changed, change_description="renamed")

    assert (saved.analysis_id, saved.version, saved.title) == (name, 2, "Report of the month")
    assert home.gateway.refreshes == 2
    assert home.analyses.source(home.viewer, name).script == changed
    newest, oldest = home.catalogue.analyses.versions(home.analysis_uuid(name))
    assert (newest.change_description, newest.created_by) == ("renamed", "a_manager")
    assert oldest.source == PLAIN


def test_an_update_with_a_wrong_script_leaves_the_version(home: Project) -> None:
    name = home.create(PLAIN)

    with pytest.raises(ScriptInvalidError):
        home.analyses.update(home.manager, name, WRONG)

    assert home.analyses.source(home.viewer, name).version == 1


def test_an_analysis_is_found_by_its_uuid_too(home: Project) -> None:
    saved = home.analyses.create(home.manager, PLAIN)

    assert home.analyses.detail(home.viewer, saved.uuid).id == "monthly_report"
    assert home.analyses.update(home.manager, saved.uuid, PLAIN).version == 2
    assert home.analyses.delete(home.manager, saved.uuid).analysis_id == "monthly_report"


def test_a_schedule_is_stored_and_switched_on(home: Project) -> None:
    name = home.create(scheduled(", retry_on_failure: true, max_retries: 2"))

    schedule = home.schedule(name)
    assert schedule is not None
    assert (schedule.cron_expression, schedule.timezone) == ("0 6 * * 1", "Europe/Vienna")
    assert (schedule.enabled, schedule.retry_on_failure, schedule.max_retries) == (True, True, 2)
    assert home.gateway.schedules[home.analysis_uuid(name)] is True


def test_a_disabled_schedule_is_stored_and_switched_off(home: Project) -> None:
    name = home.create(scheduled(", enabled: false"))

    schedule = home.schedule(name)
    assert schedule is not None
    assert not schedule.enabled
    assert home.gateway.schedules[home.analysis_uuid(name)] is False


def test_a_script_that_loses_its_schedule_has_none_any_more(home: Project) -> None:
    name = home.create(scheduled())
    home.analyses.update(home.manager, name, PLAIN)

    assert home.schedule(name) is None
    assert home.gateway.schedules[home.analysis_uuid(name)] is False
    assert home.analyses.detail(home.viewer, name).schedule is None


def test_a_deleted_analysis_is_gone_and_its_schedule_is_off(home: Project) -> None:
    name = home.create(scheduled())
    analysis_id = home.analysis_uuid(name)

    deleted = home.analyses.delete(home.manager, name)

    assert (deleted.success, deleted.analysis_id, deleted.stopped_jobs) == (True, name, [])
    assert home.gateway.schedules[analysis_id] is False
    schedule = home.catalogue.schedules.get(analysis_id)
    assert schedule is not None
    assert not schedule.enabled
    assert home.analyses.summaries(home.viewer) == []
    for read in (home.analyses.detail, home.analyses.source):
        with pytest.raises(NotFoundError):
            read(home.viewer, name)
    with pytest.raises(NotFoundError):
        home.execute(name)


def test_deleting_stops_the_runs_that_have_not_ended(home: Project) -> None:
    name, other = home.create(PLAIN), home.create(PLAIN, name="other")
    waiting, running, ended, foreign = (home.execute(one) for one in (name, name, name, other))
    home.begin(running)
    home.finish(ended)

    deleted = home.analyses.delete(home.manager, name)

    assert set(deleted.stopped_jobs) == {waiting, running}
    assert home.gateway.states[foreign] == "pending"


def test_nothing_is_deleted_while_the_orchestrator_is_away(home: Project) -> None:
    name = home.create(scheduled())
    home.gateway.is_away = True

    with pytest.raises(UnavailableError):
        home.analyses.delete(home.manager, name)

    assert home.analyses.detail(home.viewer, name).id == name


def test_a_deleted_analysis_comes_back_as_its_next_version(home: Project) -> None:
    first = home.analyses.create(home.manager, PLAIN)
    home.analyses.delete(home.manager, "monthly_report")

    second = home.analyses.create(home.manager, scheduled())

    assert (second.uuid, second.version) == (first.uuid, 2)
    assert home.analyses.source(home.viewer, "monthly_report").script == scheduled()
    schedule = home.schedule("monthly_report")
    assert schedule is not None
    assert schedule.enabled


def test_a_valid_script_is_described_and_not_stored(home: Project) -> None:
    validation = home.analyses.validate(home.viewer, FULL)

    assert (validation.valid, validation.errors) == (True, [])
    assert validation.metadata == {
        "title": "Cities",
        "datasources": ["shop"],
        "analyses": [],
        "parameters": ["country", "city", "limit"],
        "language": "javascript",
        "packages": [],
    }
    assert home.analyses.summaries(home.viewer) == []


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (using("datasources", "nowhere"), "Datasource 'nowhere' not found"),
        (using("analyses", "nothing"), "Analysis 'nothing' not found"),
    ],
)
def test_validating_reports_what_is_missing(home: Project, source: str, error: str) -> None:
    validation = home.analyses.validate(home.viewer, source)

    assert (validation.valid, validation.errors, validation.metadata) == (False, [error], None)


@pytest.mark.parametrize("source", ["", "export default {", WRONG])
def test_validating_never_raises_for_a_bad_script(home: Project, source: str) -> None:
    validation = home.analyses.validate(home.viewer, source)

    assert not validation.valid
    assert validation.errors


def test_summaries_come_by_name_with_the_last_run(home: Project) -> None:
    home.create(PLAIN, name="second", tags=["finance"], description="Sums")
    home.create(PLAIN, name="first")
    home.finish(home.execute("second"))

    first, second = home.analyses.summaries(home.viewer)

    assert (first.id, first.description, first.tags, first.last_run) == ("first", None, [], None)
    assert (second.id, second.description, second.tags) == ("second", "Sums", ["finance"])
    assert second.last_run is not None
    assert second.version == 1


def test_detail_shows_what_a_form_needs_and_never_a_function(home: Project) -> None:
    name = home.create(FULL, owners=["team"], tags=["geo"], description="All cities")

    detail = home.analyses.detail(home.viewer, name)

    assert detail.parameters["country"]["options"] == [{"value": "AT", "label": "Austria"}]
    assert detail.parameters["country"]["required"] is True
    assert "has_dynamic_options" not in detail.parameters["country"]
    assert detail.parameters["city"] == {
        "type": "select",
        "required": False,
        "description": "",
        "has_dynamic_options": True,
        "depends_on": ["country"],
    }
    assert detail.parameters["limit"]["default"] == 5
    assert (detail.owners, detail.tags, detail.description) == (["team"], ["geo"], "All cities")
    assert detail.dependencies["datasources"] == ["shop"]
    assert detail.limits["timeout_ms"] == 9000
    assert detail.permissive_parameters is False
    shown = detail.model_dump_json()
    assert not any(word in shown for word in ("=>", "\ue000", "\\ue000", "SELECT"))


def test_the_source_is_the_authors_text_with_its_definition(home: Project) -> None:
    name = home.create(FULL)

    source = home.analyses.source(home.viewer, name)

    assert source.script == FULL
    assert source.metadata["dependencies"]["datasources"] == ["shop"]
    assert "=>" not in json.dumps(source.metadata)


def test_a_script_without_parameters_is_permissive(home: Project) -> None:
    detail = home.analyses.detail(home.viewer, home.create(PLAIN))

    assert (detail.parameters, detail.permissive_parameters) == ({}, True)


def test_another_project_sees_and_changes_nothing(home: Project) -> None:
    saved = home.analyses.create(home.manager, PLAIN)
    stranger = home.stranger

    assert home.analyses.summaries(stranger) == []
    for key in (saved.analysis_id, saved.uuid):
        attempts: list[Callable[[], object]] = [
            lambda key=key: home.analyses.detail(stranger, key),
            lambda key=key: home.analyses.source(stranger, key),
            lambda key=key: home.analyses.update(stranger, key, PLAIN),
            lambda key=key: home.analyses.delete(stranger, key),
            lambda key=key: home.runs.execute(stranger, key, {}),
        ]
        for attempt in attempts:
            with pytest.raises(AnalysisSandboxError) as refused:
                attempt()
            assert isinstance(refused.value, NotFoundError)
    assert not home.analyses.validate(stranger, using("datasources", "shop")).valid
    assert home.analyses.create(stranger, PLAIN).uuid != saved.uuid


def test_a_script_may_not_ask_for_more_than_the_installation_allows(home: Project) -> None:
    source = 'export default { title: "Big", execution: { memory_mb: 4096 }, run() { return {} } };'
    told = "execution.memory_mb: is 4096 MB; the maximum is 2048 MB"

    assert home.analyses.validate(home.viewer, source).errors == [told]
    with pytest.raises(ScriptInvalidError, match="the maximum is 2048 MB"):
        home.create(source)


def test_an_analysis_keeps_its_packages_beside_those_of_its_project(home: Project) -> None:
    name = home.create(PLAIN, packages=["lodash-es", "csv-parse@^5"])

    home.analyses.update(home.manager, name, PLAIN)
    assert home.analyses.detail(home.viewer, name).packages == ["csv-parse@^5", "lodash-es"]

    home.analyses.update(home.manager, name, PLAIN, authoring=Authoring(packages=[]))
    assert home.analyses.detail(home.viewer, name).packages == ["csv-parse@^5"]


def test_packages_that_are_none_are_named(home: Project) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        home.create(PLAIN, packages=["csv-parse/sync"])

    assert set(refused.value.fields) == {"metadata.packages"}
    with pytest.raises(ValidationFailedError, match="packages: 'csv-parse/sync'"):
        home.analyses.validate(home.viewer, PLAIN, Authoring(packages=["csv-parse/sync"]))


def test_the_language_is_what_is_said_or_what_the_text_is(home: Project) -> None:
    typed = "export default { title: 'Typed', run(ctx: Context) { return { n: 1 as number } } };"

    found = home.create(typed)
    said = home.create(PLAIN, language="typescript")

    assert home.analyses.detail(home.viewer, found).language == "typescript"
    assert home.analyses.detail(home.viewer, said).language == "typescript"


class Shelf:
    """A bundler with one package, ready made."""

    def __init__(self) -> None:
        self.locks: list[JSONObject | None] = []

    def bundle(self, imports: Sequence[PackageImport], *, lock: JSONObject | None = None) -> Bundle:
        self.locks.append(lock)
        (wanted,) = imports
        pinned = PinnedPackage(
            name=wanted.package,
            version="5.6.0",
            integrity="sha512-x",
            specifiers=(wanted.specifier,),
            bundle_sha256="ab",
        )
        modules = {wanted.specifier: "export const parse = (text) => [text.split(',')];"}
        return Bundle(modules=modules, packages=(pinned,), lock={"v": 1})


def test_what_a_script_imports_is_stored_with_its_version(
    home: Project, sandbox: Sandbox, connections: Connections
) -> None:
    source = (
        "import { parse } from 'csv-parse/sync';\n"
        "export default { title: 'Csv', run() { return { rows: parse('a,b') } } };"
    )
    shelf = Shelf()
    analyses = AnalysisService(
        catalogue=home.catalogue,
        versions=VersionCache(home.catalogue),
        connections=connections,
        evaluator=Evaluator(sandbox, connections, packages=shelf),
        gateway=home.gateway,
        rules=AuthoringRules(limits=SystemLimits(), packages={}),
    )

    with pytest.raises(ScriptInvalidError, match="csv-parse"):
        analyses.create(home.manager, source)
    saved = analyses.create(home.manager, source, {"packages": ["csv-parse@^5"]})

    detail = analyses.detail(home.viewer, saved.analysis_id)
    assert detail.packages == ["csv-parse@^5"]
    assert [(one["name"], one["version"]) for one in detail.pinned_packages] == [
        ("csv-parse", "5.6.0")
    ]
    stored = home.catalogue.analyses.current(home.name, saved.analysis_id)
    assert set(stored.modules) == {"csv-parse/sync"}

    shelf.locks.clear()
    analyses.update(home.manager, saved.analysis_id, source.replace("a,b", "a,b,c"))
    assert shelf.locks == [{"v": 1}], "saving anew keeps the versions of the packages"
