"""The host functions behind Intl: the data of Babel for one set of options.

Formatting itself happens in the script's process, which asks once per formatter and not per value.
"""

from collections.abc import Callable, Mapping

from analysis_sandbox.formats.intl_collation import collation
from analysis_sandbox.formats.intl_dates import dates, hour_cycles
from analysis_sandbox.formats.intl_locales import resolve
from analysis_sandbox.formats.intl_numbers import currency_digits, numbers, plurals
from analysis_sandbox.formats.intl_words import lists, relative
from analysis_sandbox.formats.intl_zones import zone, zone_names

FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "intl.locale": resolve,
    "intl.number": numbers,
    "intl.currencyDigits": currency_digits,
    "intl.plural": plurals,
    "intl.dateTime": dates,
    "intl.list": lists,
    "intl.collation": collation,
    "intl.relative": relative,
    "intl.hourCycles": hour_cycles,
    "intl.zone": zone,
    "intl.zoneNames": zone_names,
}
