"""One run: what is stored of it, how it fails, what bounds it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from analysis_sandbox.catalogue.records import NewAnalysis, NewRun, NewVersion, RunFinish
from analysis_sandbox.errors import (
    CancelledError,
    MemoryLimitError,
    ResultTooLargeError,
    ScriptError,
    TimeLimitError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.execution.runner import Runner
from analysis_sandbox.limits import LimitOverrides, SystemLimits
from tests.execution.workshop import Workshop, script, uses


def test_a_completed_run_is_stored_with_everything_about_it(shop: Workshop) -> None:
    version = shop.save(script("ctx.log('counted', 3); return {total: 3, shops: ['a', 'b']}"))
    request = shop.request(version, trigger="api", executed_by="somebody", attempt=2)
    outcome = shop.execute(request)

    row = shop.row(request.run_id)
    assert row.status == "completed"
    assert (row.trigger_type, row.executed_by, row.attempt) == ("api", "somebody", 2)
    assert (row.error, row.error_detail, row.skipped) == (None, None, False)
    assert row.started_at is not None
    assert row.completed_at is not None
    assert row.execution_time_ms == outcome.execution_time_ms
    assert row.result_path == outcome.result_path
    text = shop.environment.results.read(outcome.result_path)
    assert json.loads(text) == {"total": 3, "shops": ["a", "b"]}
    assert row.result_size_bytes == len(text)
    assert row.result_preview == outcome.preview == {"total": 3, "shops": ["a", "b"]}
    assert shop.log(request.run_id) == [("info", "counted 3")]


def test_usage_and_layers_of_a_run_are_stored(shop: Workshop) -> None:
    _, row = shop.run(shop.save(script("ctx.metadata.set('a', 1); return {}")))
    assert row.usage is not None
    assert row.usage["host_calls"] == 1
    assert isinstance(row.usage["peak_memory_bytes"], int)
    assert row.usage["peak_memory_bytes"] > 0
    assert isinstance(row.usage["layers"], dict)
    assert row.usage["layers"]


@pytest.mark.parametrize(
    ("returned", "skipped"),
    [
        ("{skipped: true, reason: 'no news'}", True),
        ("{skipped: 'true'}", False),
        ("{inner: {skipped: true}}", False),
    ],
)
def test_only_a_result_that_says_so_is_skipped(
    shop: Workshop, returned: str, skipped: bool
) -> None:
    _, row = shop.run(shop.save(script(f"return {returned}")))
    assert (row.status, row.skipped) == ("completed", skipped)


def test_an_error_of_the_script_is_stored_with_its_place(shop: Workshop) -> None:
    version = shop.save(script("const x = 1\nthrow new TypeError('no such month')"))
    error, row = shop.fail(version)
    assert isinstance(error, ScriptError)
    assert row.status == "failed"
    assert row.error == error.message
    assert "no such month" in error.message
    assert row.error_detail is not None
    assert row.error_detail["code"] == "SCRIPT_ERROR"
    assert row.error_detail["transient"] is False
    assert row.error_detail["line"] == 3
    assert "report.js:3" in str(row.error_detail["stack"])
    assert row.error_detail["details"] == {"name": "TypeError"}


def test_the_log_of_a_failed_run_is_kept(shop: Workshop) -> None:
    _, row = shop.fail(shop.save(script("ctx.log('before'); throw new Error('no')")))
    assert shop.log(row.id) == [("info", "before")]


def test_wrong_parameters_fail_a_run_that_has_its_row(shop: Workshop) -> None:
    version = shop.save(script("return {}", "parameters: {n: {type: 'number', max: 5}},"))
    error, row = shop.fail(version, parameters={"n": 6, "m": 1})
    assert isinstance(error, ValidationFailedError)
    assert set(error.fields) == {"n", "m"}
    assert row.status == "failed"
    assert row.parameters == {"n": 6, "m": 1}
    assert row.error_detail is not None
    assert row.error_detail["code"] == "VALIDATION_ERROR"
    assert row.error_detail["details"] == {"fields": error.fields}


def test_dates_in_words_are_resolved_in_the_zone_of_the_schedule(shop: Workshop) -> None:
    entries = (
        "schedule: {cron: '0 6 * * *', timezone: 'Pacific/Kiritimati'},"
        "parameters: {day: {type: 'date', default: 'today'}},"
    )
    version = shop.save(script("return {day: params.day, zone: ctx.schedule.timezone}", entries))
    zone = ZoneInfo("Pacific/Kiritimati")
    before = datetime.now(UTC).astimezone(zone).date().isoformat()
    result, row = shop.run(version)
    after = datetime.now(UTC).astimezone(zone).date().isoformat()
    assert result["day"] in {before, after}
    assert result["zone"] == "Pacific/Kiritimati"
    assert row.parameters == {"day": result["day"]}


def test_undeclared_parameters_pass_to_a_script_that_declares_none(shop: Workshop) -> None:
    assert shop.value(script("return params"), parameters={"any": [1]}) == {"any": [1]}


def test_log_lines_are_stored_and_forwarded_in_the_order_of_writing(shop: Workshop) -> None:
    body = """for (let i = 0; i < 300; i++) { i % 7 ? ctx.log('line', i) : ctx.error('line', i);
        if (i % 20 === 0) await ctx.sleep(50); } return {}"""
    request = shop.request(shop.save(script(body)))
    forwarded: list[tuple[str, str]] = []
    Runner(shop.environment).execute(
        request, on_log=lambda level, message: forwarded.append((level, message))
    )
    expected = [("info" if i % 7 else "error", f"line {i}") for i in range(300)]
    assert forwarded == expected
    assert shop.log(request.run_id) == expected


def test_metadata_lasts_from_one_run_to_the_next(shop: Workshop) -> None:
    body = """const n = (ctx.metadata.get('n') ?? 0) + 1; ctx.metadata.set('n', n);
        ctx.metadata.set('gone', 1); ctx.metadata.delete('gone');
        return {n, has: ctx.metadata.has('gone'), keys: ctx.metadata.list()}"""
    version = shop.save(script(body))
    shop.run(version)
    result, row = shop.run(version)
    assert result["n"] == 2
    assert result["has"] is False
    assert "n" in result["keys"]
    assert row.metadata == {"n": 2}


def test_metadata_of_another_analysis_can_be_read(shop: Workshop) -> None:
    shop.run(shop.save(script("ctx.metadata.set('cursor', {at: 7}); return {}"), "writer"))
    reader = shop.save(script("return {cursor: ctx.metadata.get('cursor')}"), "reader")
    result, row = shop.run(reader)
    assert result == {"cursor": {"at": 7}}
    assert not row.metadata


def test_metadata_of_a_failed_run_is_kept(shop: Workshop) -> None:
    _, row = shop.fail(shop.save(script("ctx.metadata.set('at', 5); throw new Error('no')")))
    assert row.metadata == {"at": 5}


@pytest.mark.parametrize("status", ["cancelled", "completed"])
def test_a_run_that_has_ended_is_not_executed(shop: Workshop, status: str) -> None:
    version = shop.save(script("ctx.metadata.set('ran', true); return {}"))
    request = shop.request(version)
    runs = shop.environment.catalogue.runs
    runs.insert(
        NewRun(
            run_id=request.run_id,
            project=shop.project,
            analysis_id=version.analysis_id,
            analysis_version=1,
            parameters={},
        )
    )
    runs.finish(
        RunFinish(
            run_id=request.run_id, status="cancelled" if status == "cancelled" else "completed"
        )
    )
    with pytest.raises(CancelledError, match=f"ended before it began: {status}"):
        shop.execute(request)
    assert shop.row(request.run_id).status == status
    metadata = shop.environment.catalogue.metadata
    assert not metadata.has(shop.project, version.analysis_id, "ran")


def test_a_transient_failure_keeps_the_run_open_until_an_attempt_completes_it(
    shop: Workshop,
) -> None:
    body = """ctx.log('attempt', ctx.metadata.get('attempt'));
        if (ctx.metadata.get('attempt') === 1) await ctx.datasource.away.query('SELECT 1');
        return {}"""
    version = shop.save(script(body, uses("away")))
    first = shop.request(version, retries_transient=True)
    with pytest.raises(UnavailableError) as caught:
        shop.execute(first)
    row = shop.row(first.run_id)
    assert (row.status, row.error, row.completed_at) == ("running", None, None)

    shop.execute(shop.request(version, run_id=first.run_id, attempt=2, retries_transient=True))
    row = shop.row(first.run_id)
    assert (row.status, row.attempt, row.error) == ("completed", 2, None)
    again = f"Attempt 1 failed and is tried again: {caught.value.message}"
    assert shop.log(first.run_id) == [
        ("info", "attempt 1"),
        ("error", again),
        ("info", "attempt 2"),
    ]


def test_a_transient_failure_of_the_last_attempt_ends_the_run(shop: Workshop) -> None:
    body = "await ctx.datasource.away.query('SELECT 1'); return {}"
    error, row = shop.fail(shop.save(script(body, uses("away"))))
    assert isinstance(error, UnavailableError)
    assert row.status == "failed"
    assert row.error_detail is not None
    assert row.error_detail["code"] == "UNAVAILABLE"
    assert row.error_detail["transient"] is True
    assert row.error_detail["line"] == 2


def test_a_terminal_failure_ends_a_run_that_would_be_retried(shop: Workshop) -> None:
    version = shop.save(script("throw new Error('no')"))
    _, row = shop.fail(version, retries_transient=True)
    assert row.status == "failed"


def test_the_script_may_set_its_own_time_limit(shop: Workshop) -> None:
    version = shop.save(script("while (true) {}", "execution: {timeout_ms: 200},"))
    error, row = shop.fail(version)
    assert isinstance(error, TimeLimitError)
    assert row.error_detail is not None
    assert row.error_detail["code"] == "TIME_LIMIT_EXCEEDED"


def test_the_limits_of_an_analysis_go_before_those_of_its_script(shop: Workshop) -> None:
    version = shop.save(
        script("while (true) {}", "execution: {timeout_ms: 60000},"), limits={"timeout_ms": 200}
    )
    error, _ = shop.fail(version)
    assert isinstance(error, TimeLimitError)


def test_a_script_that_needs_more_memory_than_it_may_fails(shop: Workshop) -> None:
    body = "const all = []; while (true) all.push('x'.repeat(1e5) + all.length); return {}"
    error, row = shop.fail(shop.save(script(body), limits={"memory_mb": 16}))
    assert isinstance(error, MemoryLimitError)
    assert row.status == "failed"


def test_a_result_that_is_too_large_fails_the_run_and_leaves_no_file(shop: Workshop) -> None:
    version = shop.save(script("return {x: 'x'.repeat(30000)}"), limits={"result_size_mb": 0.02})
    error, row = shop.fail(version)
    assert isinstance(error, ResultTooLargeError)
    assert row.error_detail is not None
    assert row.error_detail["code"] == "RESULT_TOO_LARGE"
    assert row.result_path is None


def test_a_result_that_is_no_object_fails_the_run(shop: Workshop) -> None:
    error, row = shop.fail(shop.save(script("return [1]")))
    assert isinstance(error, ScriptError)
    assert row.status == "failed"


def test_the_usage_of_a_failed_run_and_the_limits_of_every_run_are_stored(shop: Workshop) -> None:
    version = shop.save(script("throw new Error('no')"), limits={"timeout_ms": 20_000})
    _, row = shop.fail(version)
    assert row.usage is not None
    assert isinstance(row.usage["wall_ms"], float)
    assert row.limits is not None
    assert (row.limits["timeout_ms"], row.limits["memory_mb"]) == (20_000, 256)


def test_a_limit_above_the_maximum_of_the_installation_is_lowered_aloud(shop: Workshop) -> None:
    lowered = SystemLimits.of(LimitOverrides(), LimitOverrides(memory_mb=64))
    version = shop.save(script("return {}", "execution: {memory_mb: 128},"))
    request = shop.request(version)
    Runner(replace(shop.environment, system_limits=lowered)).execute(request)
    row = shop.row(request.run_id)
    assert row.limits is not None
    assert row.limits["memory_mb"] == 64
    ((level, message),) = shop.log(request.run_id)
    assert level == "warning"
    assert "memory_mb is lowered to the installation's maximum of 64 MB" in message


def test_a_scheduled_run_knows_its_tick(shop: Workshop) -> None:
    version = shop.save(script("return ctx.schedule", "schedule: {cron: '0 6 * * *'},"))
    tick = datetime(2026, 1, 5, 6, tzinfo=UTC)
    by_schedule, _ = shop.run(version, scheduled_time=tick, trigger="scheduled")
    by_hand, _ = shop.run(version)
    assert by_schedule["scheduled_time"] == "2026-01-05T06:00:00+00:00"
    assert by_hand["scheduled_time"] is None
    assert by_hand["next_run"] > datetime.now(UTC).isoformat()


def test_a_script_imports_what_was_stored_with_its_version(shop: Workshop) -> None:
    source = script("return {twice: twice(21)}").replace(
        "export default", "import { twice } from 'doubling'; export default", 1
    )
    record = shop.environment.catalogue.analyses.create(
        NewAnalysis(
            project=shop.project,
            name="importing",
            version=NewVersion(
                title="Report",
                source=source,
                compiled=source,
                language="javascript",
                metadata={"title": "Report"},
                modules={"doubling": "export const twice = (n) => n * 2;"},
            ),
        )
    )
    assert shop.run(record)[0] == {"twice": 42}


def test_a_metadata_value_that_is_too_large_fails_on_its_line(shop: Workshop) -> None:
    error, row = shop.fail(
        shop.save(script("\nctx.metadata.set('k', 'x'.repeat(300e3)); return {}"))
    )
    assert "300002 bytes as JSON; at most 262144 are allowed" in error.message
    assert row.error_detail is not None
    assert (row.error_detail["code"], row.error_detail["line"]) == ("LIMIT_EXCEEDED", 3)
