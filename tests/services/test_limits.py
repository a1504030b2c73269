"""What analyses may use, who may change it, and what their runs used."""

from collections.abc import Mapping

import pytest

from analysis_sandbox.errors import ForbiddenError, NotFoundError, ValidationFailedError
from analysis_sandbox.limits import LimitOverrides, SystemLimits
from analysis_sandbox.services.access import Role
from analysis_sandbox.services.limits import LimitService
from tests.services.conftest import Project

SCRIPT = 'export default { title: "Report", execution: { timeout_ms: 9000 }, run() { return {} } };'
SCHEDULED = 'export default { title: "Etl", schedule: { cron: "0 6 * * *" }, run() { return {} } };'


def restricted(home: Project, **maximum: int) -> LimitService:
    """The service of an installation that allows less."""
    return LimitService(
        catalogue=home.catalogue,
        versions=home.versions,
        gateway=home.gateway,
        system=SystemLimits.of(LimitOverrides(), LimitOverrides(**maximum)),
    )


def test_each_limit_says_who_stated_it(home: Project) -> None:
    name = home.create(SCRIPT, limits={"memory_mb": 64})

    limits = home.limits.get_analysis_limits(home.viewer, name).limits

    said = {key: (limit.value, limit.source, limit.maximum) for key, limit in limits.items()}
    assert said["memory_mb"] == (64, "stored", 2048)
    assert said["timeout_ms"] == (9000, "script", 1_800_000)
    assert said["log_lines"] == (10_000, "default", 100_000)


def test_a_change_concerns_only_what_it_names(home: Project) -> None:
    name = home.create(SCRIPT, limits={"memory_mb": 64, "log_lines": 5})

    answer = home.limits.set_analysis_limits(
        home.manager, name, {"memory_limit_mb": 128, "log_lines": None}
    )

    assert answer.stored == {"memory_mb": 128}
    assert home.analyses.detail(home.viewer, name).limits["memory_mb"] == 128


def test_a_reset_leaves_what_the_script_states(home: Project) -> None:
    name = home.create(SCRIPT, limits={"timeout_ms": 100})

    answer = home.limits.reset_analysis_limits(home.manager, name)

    assert (answer.stored, answer.limits["timeout_ms"].value) == ({}, 9000)


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, {}),
        ({"memory_mb": 4096}, {"memory_mb": "is 4096 MB; the maximum is 2048 MB"}),
        ({"memory_mb": 1}, {"memory_mb": "is 1 MB; the minimum is 8 MB"}),
        ({"result_size_mb": 0}, {"result_size_mb": "is 0 MB; it must be more than 0 MB"}),
        ({"timeout_ms": "9"}, {"timeout_ms": "must be a whole number of ms, not '9'"}),
        ({"log_lines": True}, {"log_lines": "must be a whole number of lines, not True"}),
    ],
)
def test_what_cannot_be_is_refused_with_both_figures(
    home: Project, given: Mapping[str, object], fields: dict[str, str]
) -> None:
    name = home.create(SCRIPT)

    with pytest.raises(ValidationFailedError) as refused:
        home.limits.set_analysis_limits(home.manager, name, given)

    assert refused.value.fields == fields
    assert all(f"{key} {text}" in refused.value.message for key, text in fields.items())
    assert home.catalogue.analyses.get(home.name, name).limits is None


def test_a_name_that_is_no_limit_is_told_what_there_is(home: Project) -> None:
    name = home.create(SCRIPT)

    with pytest.raises(ValidationFailedError, match=r"memory is not a limit; there are memory_mb"):
        home.limits.set_analysis_limits(home.manager, name, {"memory": 5})


def test_reading_needs_a_viewer_and_changing_a_manager(home: Project) -> None:
    name = home.create(SCRIPT)
    runner = home.caller(Role.RUNNER)

    home.limits.get_analysis_limits(home.viewer, name)
    for change in (
        lambda: home.limits.set_analysis_limits(runner, name, {"memory_mb": 64}),
        lambda: home.limits.reset_analysis_limits(runner, name),
    ):
        with pytest.raises(ForbiddenError):
            change()
    with pytest.raises(NotFoundError):
        home.limits.get_analysis_limits(home.stranger, name)


def test_every_change_is_in_the_audit_log_with_what_was_before(home: Project) -> None:
    name = home.create(SCRIPT, limits={"memory_mb": 64})

    home.limits.set_analysis_limits(home.manager, name, {"memory_mb": 128})
    home.limits.reset_analysis_limits(home.manager, name)

    reset, changed = home.catalogue.audit.list(home.name)
    assert (changed.actor, changed.action, changed.subject) == (
        home.manager.name,
        "set_analysis_limits",
        name,
    )
    assert changed.details == {
        "changes": {"memory_mb": 128},
        "before": {"memory_mb": 64},
        "after": {"memory_mb": 128},
    }
    assert (reset.action, reset.details["after"]) == ("reset_analysis_limits", None)


def test_the_orchestrator_hears_how_many_runs_may_go_on_at_once(home: Project) -> None:
    name = home.create(SCHEDULED)
    uuid = home.analysis_uuid(name)

    home.limits.set_analysis_limits(home.manager, name, {"max_concurrent_runs": 3})
    assert home.gateway.limits[uuid] == 3
    home.limits.reset_analysis_limits(home.manager, name)
    assert home.gateway.limits[uuid] == 1


def test_a_change_is_stored_although_the_orchestrator_is_away(home: Project) -> None:
    name = home.create(SCRIPT)
    home.gateway.is_away = True

    answer = home.limits.set_analysis_limits(home.manager, name, {"max_concurrent_runs": 2})

    assert answer.stored == {"max_concurrent_runs": 2}
    assert "keep their limit" in answer.warnings[0]


@pytest.mark.parametrize(("source", "limit"), [(SCRIPT, None), (SCHEDULED, 1)])
def test_a_run_is_launched_with_its_limit(home: Project, source: str, limit: int | None) -> None:
    name = home.create(source)

    job_id = home.execute(name)
    home.limits.set_analysis_limits(home.manager, name, {"max_concurrent_runs": 4})
    later = home.execute(name)

    launched = {key: launch.max_concurrent_runs for key, launch in home.gateway.launches.items()}
    assert launched == {job_id: limit, later: 4}


def test_a_maximum_lowered_later_lowers_what_holds_and_says_so(home: Project) -> None:
    name = home.create(SCRIPT, limits={"memory_mb": 1024})

    answer = restricted(home, memory_mb=512).get_analysis_limits(home.viewer, name)

    assert answer.limits["memory_mb"].value == 512
    assert answer.stored == {"memory_mb": 1024}
    (warning,) = answer.warnings
    assert warning == (
        "memory_mb is lowered to the installation's maximum of 512 MB; "
        "what is set for the analysis is 1024 MB"
    )


def test_the_maximums_are_those_of_the_installation(home: Project) -> None:
    answer = restricted(home, timeout_ms=5000).get_system_resource_maximums(home.viewer)

    assert (answer.maximums["timeout_ms"], answer.defaults["timeout_ms"]) == (5000, 5000)
    assert answer.units["timeout_ms"] == "ms"


def test_usage_is_told_with_its_share_of_the_limit(home: Project) -> None:
    name = home.create(SCRIPT, limits={"memory_mb": 64})
    home.create(SCHEDULED)
    for megabytes in (32, 16):
        job_id = home.execute(name)
        home.begin(job_id)
        usage = {"peak_memory_bytes": megabytes << 20, "cpu_ms": 2.5, "host_calls": 3}
        home.finish(job_id, usage=usage, execution_time_ms=900, result_size_bytes=1 << 20)

    never, used = home.limits.list_analysis_resource_usage(home.viewer)

    assert (never.analysis_id, never.runs, never.memory_mb.maximum) == ("etl", 0, None)
    memory = used.memory_mb
    assert (used.runs, memory.last, memory.average, memory.maximum) == (2, 16, 24, 32)
    assert (memory.limit, memory.share) == (64, 0.5)
    assert (used.duration_ms.maximum, used.duration_ms.share) == (900, 0.1)
    assert (used.result_mb.maximum, used.result_mb.share) == (1, 0.1)
    assert (used.cpu_ms.last, used.host_calls.last) == (2.5, 3)


def test_a_job_tells_its_progress_display_usage_and_limits(home: Project) -> None:
    job_id = home.execute(home.create(SCRIPT))
    home.begin(job_id)
    home.catalogue.runs.report_progress(job_id, 0.5, "half")

    running = home.runs.status(home.viewer, job_id)
    assert running.progress is not None
    assert (running.progress.fraction, running.progress.message) == (0.5, "half")
    assert (running.display, running.usage) == (None, None)

    display = {"tables": [{"key": "rows"}], "charts": []}
    home.finish(job_id, status="failed", error="x", usage={"cpu_ms": 1}, display=display)
    ended = home.runs.status(home.viewer, job_id)
    assert (ended.display, ended.usage) == (display, {"cpu_ms": 1})
