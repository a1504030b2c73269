"""Which waiting run comes next."""

from collections.abc import Iterable

from analysis_sandbox.orchestration.run_queue import RunQueue, WaitingRun


def drained(queue: RunQueue, *, running: Iterable[str] = ()) -> list[str]:
    found: list[str] = []
    while run := queue.next(running=running):
        found.append(run.run_id)
    return found


def filled(*runs: WaitingRun) -> RunQueue:
    queue = RunQueue()
    for run in runs:
        queue.add(run)
    return queue


def test_the_oldest_comes_first_and_a_higher_priority_before_it() -> None:
    queue = filled(WaitingRun("a"), WaitingRun("b"), WaitingRun("c", priority=5))

    assert drained(queue) == ["c", "a", "b"]


def test_a_run_that_waits_is_not_taken_again() -> None:
    queue = filled(WaitingRun("a"), WaitingRun("a"))

    assert drained(queue) == ["a"]


def test_a_run_waits_while_one_it_excludes_is_running_and_lets_others_pass() -> None:
    queue = filled(WaitingRun("a", exclusive="etl"), WaitingRun("b"))

    assert drained(queue, running={"etl"}) == ["b"]
    assert drained(queue) == ["a"]


def test_as_many_runs_of_a_group_go_on_as_its_limit_says() -> None:
    queue = filled(*(WaitingRun(name, exclusive="etl", limit=3) for name in "ab"))

    assert queue.next(running=["etl", "etl", "etl", "report"]) is None
    assert drained(queue, running=["etl", "etl"]) == ["a", "b"]


def test_a_run_taken_out_does_not_come() -> None:
    queue = filled(WaitingRun("a"), WaitingRun("b"))

    assert queue.remove("a")
    assert not queue.remove("a")
    assert not queue.holds("a")
    assert drained(queue) == ["b"]
