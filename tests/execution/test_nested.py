"""Analyses that run inside another run."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import pytest

from analysis_sandbox.errors import (
    LimitExceededError,
    NotFoundError,
    TimeLimitError,
    ValidationFailedError,
)
from analysis_sandbox.execution.nested import AT_ONCE
from tests.execution.workshop import Workshop, bounded, script, uses

_ADD = script(
    "ctx.metadata.set('sum', params.a + params.b); return {sum: params.a + params.b}",
    "parameters: {a: {type: 'number'}, b: {type: 'number', default: 10}},",
)


def calls(body: str, *names: str) -> str:
    return script(body, uses(analyses=names))


def test_a_nested_run_gives_its_result_and_has_its_own_row(shop: Workshop) -> None:
    add = shop.save(_ADD, "add")
    outer = shop.save(calls("return await ctx.runAnalysis('add', {a: 1})", "add"))
    answer, row = shop.run(outer, executed_by="somebody", trigger="api")
    (nested,) = shop.rows(add)
    assert answer == {
        "success": True,
        "result": {"sum": 11},
        "status": "completed",
        "job_id": str(nested.id),
        "metadata": {"sum": 11},
    }
    assert nested.parent_run_id == row.id
    assert (nested.trigger_type, nested.executed_by) == ("analysis", "somebody")
    assert nested.parameters == {"a": 1, "b": 10}
    assert nested.status == "completed"


def test_a_nested_run_that_fails_answers_with_its_error(shop: Workshop) -> None:
    broken = shop.save(script("throw new Error('out of stock')"), "broken")
    answer, row = shop.run(shop.save(calls("return await ctx.runAnalysis('broken')", "broken")))
    (nested,) = shop.rows(broken)
    assert answer["success"] is False
    assert (answer["result"], answer["status"]) == (None, "failed")
    assert answer["job_id"] == str(nested.id)
    assert "out of stock" in answer["error"]
    assert (row.status, nested.status) == ("completed", "failed")


def test_wrong_parameters_of_a_nested_run_answer_with_the_error(shop: Workshop) -> None:
    shop.save(_ADD, "add")
    outer = shop.save(calls("return await ctx.runAnalysis('add', {a: 'x'})", "add"))
    answer, _ = shop.run(outer)
    assert answer["success"] is False
    assert "a " in answer["error"]


def test_a_nested_result_that_says_it_failed_is_no_success(shop: Workshop) -> None:
    shop.save(script("return {success: false, why: 'closed'}"), "closed")
    answer, _ = shop.run(shop.save(calls("return await ctx.runAnalysis('closed')", "closed")))
    assert answer["success"] is False
    assert answer["status"] == "completed"
    assert answer["result"] == {"success": False, "why": "closed"}


def test_metadata_that_a_nested_run_deleted_is_not_in_its_answer(shop: Workshop) -> None:
    body = "ctx.metadata.set('a', 1); ctx.metadata.set('b', 2); ctx.metadata.delete('a'); return {}"
    shop.save(script(body), "tidy")
    answer, _ = shop.run(shop.save(calls("return await ctx.runAnalysis('tidy')", "tidy")))
    assert answer["metadata"] == {"b": 2}


def test_an_analysis_that_is_not_declared_cannot_be_run(shop: Workshop) -> None:
    add = shop.save(_ADD, "add")
    body = "const name = 'a' + 'dd'; await ctx.runAnalysis(name); return {}"
    error, _ = shop.fail(shop.save(calls(body, "other")))
    assert isinstance(error, NotFoundError)
    assert "'add' is not declared by 'report'" in error.message
    assert shop.rows(add) == []


def test_a_declared_analysis_that_does_not_exist_raises(shop: Workshop) -> None:
    error, _ = shop.fail(shop.save(calls("await ctx.runAnalysis('ghost'); return {}", "ghost")))
    assert isinstance(error, NotFoundError)
    assert "ghost" in error.message


def test_a_circular_call_is_told_with_its_chain(shop: Workshop) -> None:
    shop.save(calls("return await ctx.runAnalysis('report')", "report"), "back")
    outer = shop.save(calls("return await ctx.runAnalysis('back')", "back"))
    answer, _ = shop.run(outer)
    assert answer["success"] is False
    assert "report → back → report" in answer["error"]


def test_an_analysis_that_calls_itself_raises(shop: Workshop) -> None:
    error, _ = shop.fail(shop.save(calls("return await ctx.runAnalysis('report')", "report")))
    assert isinstance(error, ValidationFailedError)
    assert "report → report" in error.message


def test_nesting_ends_at_its_limit(shop: Workshop) -> None:
    pass_on = """const inner = await ctx.runAnalysis('{0}');
        if (!inner.success) throw new Error(inner.error);
        return {{depth: inner.result.depth + 1}}"""
    last = shop.save(script("return {depth: 1}"), "step1")
    for depth in range(2, 12):
        name = f"step{depth - 1}"
        last = shop.save(calls(pass_on.format(name), name), f"step{depth}")
        if depth == 10:
            assert shop.run(last)[0] == {"depth": 10}
    error, _ = shop.fail(last)
    assert "10 deep; the limit is 10" in error.message


def test_the_script_that_nests_too_deep_gets_the_error_raised(shop: Workshop) -> None:
    body = """try { return await ctx.runAnalysis('%s') } catch (e) { return {code: e.code} }"""
    last = shop.save(script("return {}"), "deep1")
    for depth in range(2, 12):
        last = shop.save(calls(body % f"deep{depth - 1}", f"deep{depth - 1}"), f"deep{depth}")
    answer, _ = shop.run(last)
    for _ in range(9):
        answer = answer["result"]
    assert answer == {"code": LimitExceededError.code}


def test_ten_nested_runs_go_on_at_once(shop: Workshop) -> None:
    add = shop.save(_ADD, "add")
    body = """const all = await Promise.all([...Array(10).keys()].map(
        (a) => ctx.runAnalysis('add', {a}))); return {sums: all.map((one) => one.result.sum)}"""
    answer, _ = shop.run(shop.save(calls(body, "add")))
    assert answer == {"sums": list(range(10, 20))}
    assert [row.status for row in shop.rows(add)] == ["completed"] * 10


def test_many_nested_runs_take_turns(shop: Workshop) -> None:
    counted = shop.save(script("await ctx.sleep(20); return {}"), "counted")
    body = """const all = await Promise.all([...Array(30).keys()].map(
        () => ctx.runAnalysis('counted')));
        return {done: all.filter((one) => one.success).length}"""
    answer, _ = shop.run(shop.save(calls(body, "counted")))

    assert answer == {"done": 30}
    runs = shop.rows(counted)
    assert len(runs) == 30
    begins = [(row.started_at, 1) for row in runs] + [(row.completed_at, -1) for row in runs]
    most = at_once = 0
    for _moment, change in sorted(begins, key=lambda each: (str(each[0]), each[1])):
        at_once += change
        most = max(most, at_once)
    assert most <= AT_ONCE


def test_parameters_a_nested_analysis_does_not_declare_are_dropped_with_a_warning(
    shop: Workshop,
) -> None:
    add = shop.save(_ADD, "add")
    body = "return await ctx.runAnalysis('add', {a: 1, z: 3, c: 2})"
    answer, _ = shop.run(shop.save(calls(body, "add")))
    assert answer["result"] == {"sum": 11}
    (nested,) = shop.rows(add)
    assert nested.parameters == {"a": 1, "b": 10}
    assert shop.log(nested.id) == [("warning", "Dropped parameters that are not declared: c, z")]


class _InterruptError(BaseException):
    """What stops a run from outside, as Dagster's own interruption does."""


@contextmanager
def _interrupted(when: threading.Event) -> Generator[None]:
    """Interrupt the main thread once the event is set."""

    main = threading.main_thread().ident
    assert main is not None

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise _InterruptError

    def wait_and_interrupt(thread: int) -> None:
        assert when.wait(30)
        signal.pthread_kill(thread, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    thread = threading.Thread(target=wait_and_interrupt, args=(main,))
    thread.start()
    try:
        yield
    finally:
        when.set()
        thread.join()
        signal.signal(signal.SIGUSR1, before)


@contextmanager
def _set_when(event: threading.Event, shop: Workshop, key: str) -> Generator[None]:
    """Set the event once some script of the project has stored a key."""
    anybody = shop.save(script("return {}"), "anybody").analysis_id
    metadata = shop.environment.catalogue.metadata

    def watch() -> None:
        bounded(lambda: metadata.has(shop.project, anybody, key), "the script begins")
        event.set()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        thread.join()


_ENDLESS = "ctx.metadata.set('begun', 1); await ctx.sleep(25000); return {}"


def test_a_run_that_is_interrupted_is_cancelled(shop: Workshop) -> None:
    request = shop.request(shop.save(script(_ENDLESS)))
    begun = threading.Event()
    with (
        pytest.raises(_InterruptError),
        _set_when(begun, shop, "begun"),
        _interrupted(begun),
    ):
        shop.execute(request)
    row = shop.row(request.run_id)
    assert (row.status, row.error) == ("cancelled", "The run was stopped")
    assert row.error_detail is not None
    assert row.error_detail["code"] == "CANCELLED"


@pytest.mark.parametrize("depth", [1, 2])
def test_stopping_a_run_stops_what_runs_inside_it(shop: Workshop, depth: int) -> None:
    inner = shop.save(script(_ENDLESS), "inner0")
    for level in range(1, depth):
        body = f"return await ctx.runAnalysis('inner{level - 1}')"
        shop.save(calls(body, f"inner{level - 1}"), f"inner{level}")
    top = f"inner{depth - 1}"
    request = shop.request(shop.save(calls(f"return await ctx.runAnalysis('{top}')", top)))
    begun = threading.Event()
    with (
        pytest.raises(_InterruptError),
        _set_when(begun, shop, "begun"),
        _interrupted(begun),
    ):
        shop.execute(request)
    assert shop.row(request.run_id).status == "cancelled"
    bounded(lambda: shop.rows(inner)[0].is_final, "the nested run ends")
    (nested,) = shop.rows(inner)
    assert nested.status == "cancelled"


def test_a_run_whose_time_is_over_stops_what_runs_inside_it(shop: Workshop) -> None:
    inner = shop.save(script(_ENDLESS), "inner")
    source = script(
        "return await ctx.runAnalysis('inner')",
        uses(analyses=("inner",)) + "execution: {timeout_ms: 1500},",
    )
    error, _ = shop.fail(shop.save(source))
    assert isinstance(error, TimeLimitError)
    bounded(lambda: all(row.is_final for row in shop.rows(inner)), "the nested run ends")
    (nested,) = shop.rows(inner)
    assert nested.status == "cancelled"


def test_a_nested_run_that_nobody_waits_for_is_stopped_at_the_end(shop: Workshop) -> None:
    inner = shop.save(script(_ENDLESS), "inner")
    body = """ctx.runAnalysis('inner');
        while (!ctx.metadata.has('begun')) await ctx.sleep(5); return {left: true}"""
    answer, row = shop.run(shop.save(calls(body, "inner")))
    assert answer == {"left": True}
    assert row.status == "completed"
    bounded(lambda: shop.rows(inner)[0].is_final, "the nested run ends")
    assert shop.rows(inner)[0].status == "cancelled"


def test_the_outermost_run_says_how_deep_its_calls_may_go(shop: Workshop) -> None:
    shop.save(script("return {}"), "bottom")
    shop.save(calls("return await ctx.runAnalysis('bottom')", "bottom"), "middle")
    body = """const middle = await ctx.runAnalysis('middle');
        return { success: middle.success, error: middle.error ?? null }"""
    allowed = shop.save(calls(body, "middle"), "allowed", limits={"nesting_depth": 3})
    refused = shop.save(calls(body, "middle"), "refused", limits={"nesting_depth": 2})
    assert shop.run(allowed)[0] == {"success": True, "error": None}
    result, _ = shop.run(refused)
    assert result["success"] is False
    assert "nested 2 deep; the limit is 2" in result["error"]
