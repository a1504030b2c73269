"""When a schedule fires next, in its own time zone and across the changes of its clocks."""

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.definition import ScheduleSpec
from analysis_sandbox.script.wording import did_you_mean, shown
from analysis_sandbox.values import JSONObject

_HOUR = 1
# The widest change of clocks is 24 hours (Samoa skipped a day).
_WIDEST_CHANGE = timedelta(hours=25)


def timezone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name.

    Raises:
        ValidationFailedError: there is none; the message has the nearest name.
    """
    if name not in _zone_names():
        raise ValidationFailedError(
            f"{shown(name)} is not an IANA time zone such as 'Europe/Berlin'"
            f"{did_you_mean(name, _zone_names())}"
        )
    return ZoneInfo(name)


def next_run(spec: ScheduleSpec, after: datetime) -> datetime:
    """Return the first time later than `after` at which the schedule fires, in its time zone.

    Where clocks are set forward, a time that does not exist becomes the first one after the gap;
    where they are set back, the later of two equal times counts. A schedule for every hour fires
    in each real hour instead. This is what Dagster does, too.

    Raises:
        ValidationFailedError: the schedule's time zone does not exist here.
    """
    zone = timezone(spec.timezone)
    start = after.astimezone(zone)
    hours = spec.cron.split()[_HOUR]
    ticks = _real_hours(spec.cron, start) if hours == "*" else _wall_clock(spec.cron, start, zone)
    return next(tick for tick in ticks if tick.astimezone(UTC) > after)


def schedule_facts(
    spec: ScheduleSpec | None, now: datetime, *, scheduled_time: datetime | None = None
) -> JSONObject | None:
    """Return what a script sees as `ctx.schedule`; `scheduled_time` is the tick it runs for."""
    if spec is None:
        return None
    return {
        "cron": spec.cron,
        "timezone": spec.timezone,
        "enabled": spec.enabled,
        "next_run": next_run(spec, now).isoformat(),
        "scheduled_time": scheduled_time.isoformat() if scheduled_time else None,
    }


def _real_hours(cron: str, start: datetime) -> Iterator[datetime]:
    # CronSim leaves out an hour of a zone whose offset is not whole; in UTC nothing is left out.
    return CronSim(cron, start)


def _wall_clock(cron: str, start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    naive = start.replace(tzinfo=None) - _WIDEST_CHANGE
    for tick in CronSim(cron, naive):
        yield _existing(tick, zone)


def _existing(naive: datetime, zone: ZoneInfo) -> datetime:
    moment = naive.replace(tzinfo=zone, fold=1)
    while moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
        naive = (naive + timedelta(minutes=1)).replace(second=0, microsecond=0)
        moment = naive.replace(tzinfo=zone, fold=1)
    return moment


@functools.cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())
