"""Cron expressions, and when they fire in zones that change their clocks."""

import re
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from dagster._utils.schedules import cron_string_iterator, is_valid_cron_string
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.cron import canonical_cron
from analysis_sandbox.script.definition import ScheduleSpec
from analysis_sandbox.script.schedule import next_run, timezone

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("expression", "canonical"),
    [
        ("0 9 * * 1-5", "0 9 * * 1-5"),
        ("*/15 * * * *", "*/15 * * * *"),
        ("  00  09 * *   1 ", "0 9 * * 1"),
        ("0 9 * * 7", "0 9 * * 0"),
        ("0 9 * * 5-7", "0 9 * * 0,5,6"),
        ("0 9 * * 0-7", "0 9 * * *"),
        ("0 9 * * MON-FRI", "0 9 * * 1-5"),
        ("0 9 1 jan,JUL *", "0 9 1 1,7 *"),
        ("5/20 */1 * * *", "5-59/20 * * * *"),
        ("0 0 * * 3/2", "0 0 * * 3-6/2"),
        ("0-59 0-23 1-31 1-12 *", "* * * * *"),
        ("0 0 */2 * 1", "0 0 1-31/2 * 1"),
        ("0 9-9 * * *", "0 9 * * *"),
    ],
)
def test_an_expression_is_brought_into_the_form_all_engines_agree_on(
    expression: str, canonical: str
) -> None:
    assert canonical_cron(expression) == canonical
    assert canonical_cron(canonical) == canonical
    assert is_valid_cron_string(canonical)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("0 0 9 * * *", "has 6 fields; write 5"),
        ("0 0 9 * * * 2024", "has 7 fields; write 5"),
        ("0 9 * *", "has 4 fields; write 5"),
        ("@daily", "'@daily' is not supported; write '0 0 * * *'"),
        ("@reboot", "'@reboot' is not supported"),
        ("60 9 * * *", "minute '60' is outside 0-59"),
        ("0 24 * * *", "hour '24' is outside 0-23"),
        ("0 0 0 * *", "day of month '0' is outside 1-31"),
        ("0 0 * 13 *", "month '13' is outside 1-12"),
        ("0 0 * * 8", "weekday '8' is outside 0-7"),
        ("0 0 * * funday", "holds 'funday', which is not a weekday"),
        ("0 22-2 * * *", "hour '22-2' runs backwards; write 22-23,0-2"),
        ("*/0 * * * *", "minute '*/0' has the step 0; it must be 1 to 59"),
        ("*/90 * * * *", "minute '*/90' has the step 90; it must be 1 to 59"),
        ("0 0 L * *", "day of month 'l' holds 'l'"),
        ("0 0 * * 5#2", "weekday '5#2' is not a number"),
        ("a b * * *", "minute 'a' holds 'a', which is not a minute; hour 'b' holds 'b'"),
        ("0 0 31 2 *", "never fires"),
        ("0 0 31 4,6 *", "never fires"),
        ("1,," * 100, "has 300 characters; the limit is 200"),
        ("", "has 0 fields"),
        ("٣ * * * *", "is not a number"),
    ],
)
def test_other_expressions_are_refused_with_every_field_that_is_wrong(
    expression: str, problem: str
) -> None:
    with pytest.raises(ValidationFailedError, match=re.escape(problem)):
        canonical_cron(expression)


@pytest.mark.parametrize("name", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_iana_zones_are_known(name: str) -> None:
    assert timezone(name).key == name


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("america/new_york", "did you mean 'America/New_York'?"),
        ("../../etc/passwd", "is not an IANA time zone"),
        ("\0", "is not an IANA time zone"),
        ("x" * 10_000, "is not an IANA time zone"),
    ],
)
def test_unknown_zones_are_refused_with_the_nearest(name: str, advice: str) -> None:
    with pytest.raises(ValidationFailedError, match=re.escape(advice)):
        timezone(name)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # Clocks go from 2:00 to 3:00 on 8 March 2026.
        ("30 2 * * *", "2026-03-07T12:00-05:00", "2026-03-08T03:00-04:00"),
        ("30 2 * * *", "2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"),
        ("0 * * * *", "2026-03-08T01:00-05:00", "2026-03-08T03:00-04:00"),
        # Clocks go from 2:00 back to 1:00 on 1 November 2026.
        ("30 1 * * *", "2026-10-31T12:00-04:00", "2026-11-01T01:30-05:00"),
        ("30 1 * * *", "2026-11-01T01:10-05:00", "2026-11-01T01:30-05:00"),
        ("30 1 * * *", "2026-11-01T01:30-05:00", "2026-11-02T01:30-05:00"),
        ("30 * * * *", "2026-11-01T01:00-04:00", "2026-11-01T01:30-04:00"),
        ("30 * * * *", "2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00"),
        ("0 9 * * 1-5", "2026-11-20T09:00-05:00", "2026-11-23T09:00-05:00"),
        ("0 0 29 2 *", "2026-03-01T00:00-05:00", "2028-02-29T00:00-05:00"),
    ],
)
def test_a_schedule_survives_the_change_of_clocks(cron: str, after: str, expected: str) -> None:
    spec = ScheduleSpec(cron=cron, timezone="America/New_York")
    found = next_run(spec, datetime.fromisoformat(after))
    assert found.isoformat(timespec="minutes") == expected
    assert found.tzinfo == NEW_YORK


def test_the_next_run_is_always_later_and_whole_minutes() -> None:
    spec = ScheduleSpec(cron="*/5 * * * *")
    first = next_run(spec, datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC))
    assert first == datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
    assert next_run(spec, first) == datetime(2026, 1, 1, 0, 10, tzinfo=UTC)


def _fields() -> st.SearchStrategy[str]:
    limits = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
    return st.tuples(*(_field(low, high) for low, high in limits)).map(" ".join)


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    bounds = st.tuples(number, number).map(sorted)
    step = st.integers(1, high)
    item = st.one_of(
        st.just("*"),
        number.map(str),
        bounds.map(lambda pair: f"{pair[0]}-{pair[1]}"),
        step.map(lambda size: f"*/{size}"),
        st.tuples(bounds, step).map(lambda parts: f"{parts[0][0]}-{parts[0][1]}/{parts[1]}"),
    )
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=3).map(",".join))


def _fires(expression: str) -> bool:
    try:
        return bool(canonical_cron(expression))
    except ValidationFailedError as error:
        if "never fires" in error.message:
            return False
        raise


@settings(max_examples=150, deadline=None)
@given(
    expression=_fields(),
    zone=st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu"]),
    start=st.sampled_from(
        [(2026, 3, 7), (2026, 3, 28), (2026, 6, 1), (2026, 10, 24), (2026, 10, 31), (2027, 12, 31)]
    ),
    minute=st.integers(0, 2 * 24 * 60 - 1),
)
def test_the_next_runs_are_those_of_dagster(
    expression: str, zone: str, start: tuple[int, int, int], minute: int
) -> None:
    assume(is_valid_cron_string(expression) and _fires(expression))
    cron = canonical_cron(expression)
    after = datetime(*start, tzinfo=UTC).timestamp() + minute * 60
    theirs = cron_string_iterator(after, cron, zone)
    expected = [tick.timestamp() for tick, _ in zip(theirs, range(5), strict=False)]
    expected = [tick for tick in expected if tick > after][:4]
    ours = [datetime.fromtimestamp(after, UTC)]
    for _ in expected:
        ours.append(next_run(ScheduleSpec(cron=cron, timezone=zone), ours[-1]))
    assert [tick.timestamp() for tick in ours[1:]] == expected
    assert all(earlier < later for earlier, later in pairwise(tick.timestamp() for tick in ours))
