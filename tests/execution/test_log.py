"""The order of a run's log while lines are stored from two threads."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from analysis_sandbox.catalogue.records import LogLine
from analysis_sandbox.errors import UnavailableError
from analysis_sandbox.execution.log import RunLog


def test_the_end_of_a_log_waits_for_the_lines_that_are_being_stored() -> None:
    storing, go_on = threading.Event(), threading.Event()
    stored: list[str] = []

    def store(lines: Sequence[LogLine]) -> None:
        storing.set()
        assert go_on.wait(30)
        stored.extend(line.message for line in lines)

    log = RunLog(store)
    log.write("info", "first")
    assert storing.wait(30)
    log.write("info", "second")
    with ThreadPoolExecutor(1) as threads:
        closing = threads.submit(log.close)
        with pytest.raises(TimeoutError):
            closing.result(0.1)
        go_on.set()
        rest = [line.message for line in closing.result(30)]
    assert (stored, rest) == (["first"], ["second"])


def test_lines_that_could_not_be_stored_go_with_the_end() -> None:
    tried = threading.Event()

    def store(_lines: Sequence[LogLine]) -> None:
        tried.set()
        raise UnavailableError("The database is away")

    log = RunLog(store)
    log.write("info", "first")
    assert tried.wait(30)
    assert [line.message for line in log.close()] == ["first"]


def test_a_closed_log_takes_no_more_lines() -> None:
    stored: list[LogLine] = []
    log = RunLog(stored.extend)
    log.write("info", "first")
    assert len(log.close()) == 1
    log.write("info", "late")
    assert log.close() == []
    assert stored == []
