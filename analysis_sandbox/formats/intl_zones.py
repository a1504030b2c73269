"""Time zones for scripts: the moments their offset changes, and what they are called."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel.core import get_global

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.intl_locales import babel, plain, supplement

# Their names are compared with Node's for every locale; of the others only offsets are shown.
NAMED = (
    "UTC",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/Madrid",
    "Europe/Paris",
    "Europe/Brussels",
    "Europe/Amsterdam",
    "Europe/Berlin",
    "Europe/Zurich",
    "Europe/Vienna",
    "Europe/Rome",
    "Europe/Prague",
    "Europe/Warsaw",
    "Europe/Budapest",
    "Europe/Stockholm",
    "Europe/Oslo",
    "Europe/Copenhagen",
    "Europe/Helsinki",
    "Europe/Athens",
    "Europe/Bucharest",
    "Europe/Sofia",
    "Europe/Istanbul",
    "America/New_York",
    "America/Toronto",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Halifax",
    "America/Bogota",
    "America/Lima",
    "America/Santiago",
    "Pacific/Honolulu",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Taipei",
    "Asia/Singapore",
    "Asia/Manila",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Jakarta",
    "Asia/Bangkok",
    "Asia/Jerusalem",
    "Africa/Johannesburg",
    "Africa/Nairobi",
    "Australia/Sydney",
    "Australia/Melbourne",
    "Australia/Brisbane",
    "Australia/Perth",
    "Pacific/Auckland",
)
FIRST_YEAR, LAST_YEAR = 1850, 2150
_STEP = timedelta(days=30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_NAME = 60


def zone(name: object) -> dict[str, Any]:
    """Return the zone's canonical spelling and its offsets: [from, seconds, is summer time] each.

    `from` is milliseconds since 1970; the first one holds before, the last one after that.
    """
    if not isinstance(name, str) or len(name) > _MOST_NAME:
        return {"problem": "Invalid time zone specified"}
    known = _spellings().get(name.lower())
    if known is None:
        return {"problem": f"Invalid time zone specified: {name}"}
    return {"name": known, "offsets": [list(entry) for entry in _offsets(known)]}


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    names = {name for name in available_timezones() if not name.startswith(("posix", "right"))}
    spellings = {name.lower(): name for name in names - {"localtime", "Factory"}}
    utc = (
        "utc",
        "gmt",
        "etc/utc",
        "etc/gmt",
        "etc/uct",
        "etc/zulu",
        "uct",
        "zulu",
        "etc/universal",
    )
    return spellings | dict.fromkeys((*utc, "universal", "greenwich", "etc/greenwich"), "UTC")


@lru_cache(maxsize=64)
def _offsets(name: str) -> tuple[tuple[int, int, bool], ...]:
    try:
        info = ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        raise ValidationFailedError(f"The host has no data of the time zone {name}") from error

    def state(moment: datetime) -> tuple[int, bool]:
        local = moment.astimezone(info)
        offset, saving = local.utcoffset(), local.dst()
        assert offset is not None
        return int(offset.total_seconds()), bool(saving)

    moment = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    end = datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    current = state(moment)
    found = [(_milliseconds(moment), *current)]
    while moment < end:
        after = moment + _STEP
        while state(after) != current:
            moment = _change(state, moment, after)
            current = state(moment)
            found.append((_milliseconds(moment), *current))
        moment = after
    return tuple(found)


def _change(state: Any, low: datetime, high: datetime) -> datetime:
    """Return the first second between the two at which the state is another one than at `low`."""
    before = state(low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low).total_seconds() // 2)
        if state(middle) == before:
            low = middle
        else:
            high = middle
    return high


def _milliseconds(moment: datetime) -> int:
    return round((moment - _EPOCH).total_seconds()) * 1000


def zone_names(locale: object, name: object, width: object) -> dict[str, str | None]:
    """Return what the zone is called in standard and in summer time; None where only offsets are.

    Raises:
        ValidationFailedError: `width` is neither "short" nor "long", or there is no such zone.
    """
    known = babel(locale)
    if width not in ("short", "long") or not isinstance(name, str):
        raise ValidationFailedError("intl.zoneNames needs a zone and a width")
    if name not in _spellings().values():
        raise ValidationFailedError("intl.zoneNames needs a zone that there is")
    refused = supplement(str(locale)).get("refusedZones", ())
    if name not in NAMED or f"{name} {width}" in refused:
        return {
            "problem": f"'{locale}' has no name of {name} here: use timeZoneName: '{width}Offset'"
        }
    canonical = get_global("zone_aliases").get(name, name)
    own = plain(known.time_zones.get(canonical, {})).get(width, {})
    meta = get_global("meta_zones").get(canonical)
    shared: dict[str, str] = plain(known.meta_zones.get(meta, {})).get(width, {}) if meta else {}
    if name == "UTC":
        own = {"standard": "UTC"}
        if width == "long":
            own = plain(known.time_zones.get("Etc/UTC", {})).get(width, own)
    return {
        variant: own.get(variant) or shared.get(variant) for variant in ("standard", "daylight")
    }
