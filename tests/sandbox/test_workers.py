"""Threads on demand."""

import threading

import pytest

from analysis_sandbox.sandbox.workers import Workers


def test_every_task_runs_at_once_however_many_there_are() -> None:
    workers = Workers("test-workers")
    together = threading.Barrier(51, timeout=20)

    for _ in range(50):
        workers.submit(together.wait)

    together.wait()
    workers.close()


def test_idle_threads_are_used_again() -> None:
    workers = Workers("test-reuse")
    names: set[int] = set()
    for _ in range(20):
        done = threading.Event()

        def task(done: threading.Event = done) -> None:
            names.add(threading.get_ident())
            done.set()

        workers.submit(task)
        assert done.wait(20)
        while not _is_idle(workers):
            threading.Event().wait(0.001)

    assert len(names) == 1
    workers.close()


def test_a_failing_task_is_logged_and_its_thread_lives_on(caplog: pytest.LogCaptureFixture) -> None:
    workers = Workers("test-failure")
    done = threading.Event()

    def fail() -> None:
        raise RuntimeError("broken task")

    workers.submit(fail)
    workers.submit(done.set)

    assert done.wait(20)
    workers.close()
    while any(thread.name == "test-failure" for thread in threading.enumerate()):
        threading.Event().wait(0.001)
    assert "broken task" in caplog.text


def _is_idle(workers: Workers) -> bool:
    return workers._idle > 0  # pyright: ignore[reportPrivateUsage]
