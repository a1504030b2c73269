"""Progress: never in the way of the script, the newest value stored, the last one for certain."""

import threading

import pytest

from analysis_sandbox.errors import ScriptError, UnavailableError, ValidationFailedError
from analysis_sandbox.execution.progress import Progress
from tests.execution.workshop import Workshop, bounded, script


def test_the_newest_value_is_stored_soon_and_the_last_one_at_the_end() -> None:
    stored: list[tuple[float, str | None]] = []
    progress = Progress(lambda fraction, message: stored.append((fraction, message)))

    progress.tell(0.1, "first")
    bounded(lambda: stored, "the first value is stored")
    for step in range(2, 100):
        progress.tell(step / 100, f"step {step}")
    progress.close()

    assert stored[0] == (0.1, "first")
    assert stored[-1] == (0.99, "step 99")
    # Two a second at most: the steps came within far less.
    assert len(stored) <= 5


def test_telling_does_not_wait_for_the_catalogue() -> None:
    storing, go_on = threading.Event(), threading.Event()

    def store(_fraction: float, _message: str | None) -> None:
        storing.set()
        assert go_on.wait(30)

    progress = Progress(store)
    progress.tell(0.1)
    assert storing.wait(30)
    progress.tell(0.2)
    go_on.set()
    progress.close()


def test_a_catalogue_that_is_away_does_not_end_the_run() -> None:
    def store(_fraction: float, _message: str | None) -> None:
        raise UnavailableError("The database is away")

    progress = Progress(store)
    progress.tell(0.5)
    progress.close()


def test_a_closed_progress_takes_no_more() -> None:
    stored: list[float] = []
    progress = Progress(lambda fraction, _message: stored.append(fraction))
    progress.close()
    progress.tell(0.5)
    progress.close()

    assert stored == []


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan"), "0.5", None, True])
def test_progress_is_a_fraction(fraction: object) -> None:
    with pytest.raises(ValidationFailedError, match="from 0 to 1"):
        Progress(lambda _fraction, _message: None).tell(fraction)


def test_a_run_ends_with_its_last_progress(shop: Workshop) -> None:
    body = """for (let i = 1; i <= 1000; i++) ctx.progress(i / 1000, `row ${i}`);
        return { calls: 1 };"""
    request = shop.request(shop.save(script(body)))

    shop.execute(request)

    row = shop.row(request.run_id)
    assert row.progress == {"fraction": 1.0, "message": "row 1000"}
    assert row.usage is not None
    # What is too fast for anybody to see never leaves the sandbox.
    calls = row.usage["host_calls"]
    assert isinstance(calls, int)
    assert calls < 200


def test_progress_is_seen_while_the_script_waits(shop: Workshop) -> None:
    body = """ctx.progress(0.1, "begun"); ctx.progress(0.25, "loading");
        while (!ctx.metadata.get("go_on")) await ctx.sleep(20);
        return {};"""
    version = shop.save(script(body))
    request = shop.request(version)
    running = threading.Thread(target=lambda: shop.execute(request))
    running.start()
    try:
        bounded(
            lambda: (
                [row for row in shop.rows(version) if row.progress is not None]
                and shop.row(request.run_id).progress == {"fraction": 0.25, "message": "loading"}
            ),
            "the progress is stored",
        )
    finally:
        metadata = shop.environment.catalogue.metadata
        metadata.set(shop.project, version.analysis_id, "go_on", True)
        running.join(30)
    assert shop.row(request.run_id).status == "completed"


@pytest.mark.parametrize("given", ["50", "-1", "'half'", "NaN", ""])
def test_progress_out_of_range_fails_with_the_remedy(shop: Workshop, given: str) -> None:
    error, _ = shop.fail(shop.save(script(f"ctx.progress({given}); return {{}}")))

    assert isinstance(error, ScriptError)
    assert "ctx.progress needs a fraction from 0 to 1, such as done / total" in error.message
