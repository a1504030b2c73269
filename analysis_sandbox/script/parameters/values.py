"""One value for one parameter: what is accepted for each type, and what a script gets for it.

Forms and command lines can only send text, so text that spells a number, `true` or `false`, or a
JSON object is accepted where that is wanted.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import cast

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.definition import ParameterSpec, SelectOption
from analysis_sandbox.script.parameters.patterns import compile_pattern
from analysis_sandbox.script.parameters.special_values import SPECIAL_NAMES, resolve_specials
from analysis_sandbox.script.sections import UNSTORABLE, found
from analysis_sandbox.script.wording import did_you_mean, listed, shown
from analysis_sandbox.values import MAX_DEPTH, MAX_SAFE_INTEGER, JSONValue, timestamp_text

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(
    r"([0-9]{4}-[0-9]{2})(-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?)?"
)
_LONGEST_NUMBER = 400
_TEXT_TYPES = frozenset({"string", "text"})
_TYPES_WITH_WORDS = frozenset({"date", "object"})


def is_absent(spec: ParameterSpec, value: object) -> bool:
    """Tell whether a value means that none was given: null, or an empty field of a form."""
    if value is None:
        return True
    if not isinstance(value, str) or value:
        return False
    if spec.type in _TEXT_TYPES:
        return spec.required
    return all(choice.value != "" for choice in spec.choices())


def convert(spec: ParameterSpec, value: object, *, now: datetime) -> JSONValue:
    """Return what the script gets for a value that was given.

    Special words become dates where the type is `date` or `object`.

    Raises:
        ValidationFailedError: the parameter does not accept the value; the message says why.
    """
    plain = plain_json(value)
    if spec.type == "object":
        plain = _object(plain)
    if spec.type in _TYPES_WITH_WORDS:
        plain = cast("JSONValue", resolve_specials(plain, now=now))
    return _CONVERTERS[spec.type](spec, plain)


def convert_default(spec: ParameterSpec, *, now: datetime) -> JSONValue:
    """Return what the script gets when no value was given.

    Special words become dates, unless they are choices of the parameter.

    Raises:
        ValidationFailedError: the default does not satisfy the parameter.
    """
    default = plain_json(spec.default)
    if not spec.choices():
        default = cast("JSONValue", resolve_specials(default, now=now))
    return convert(spec, default, now=now)


def plain_json(value: object, *, depth: int = 0) -> JSONValue:
    """Return `value` as plain JSON data; dates become text.

    Raises:
        ValidationFailedError: NaN, infinity, a character that cannot be stored, something that is
            no JSON, or nesting deeper than values may be.
    """
    if depth > MAX_DEPTH:
        raise ValidationFailedError(f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value)
        return {
            _storable(str(key)): plain_json(item, depth=depth + 1) for key, item in items.items()
        }
    if isinstance(value, list | tuple):
        return [plain_json(item, depth=depth + 1) for item in cast("list[object]", value)]
    return _plain_scalar(value)


def _plain_scalar(value: object) -> JSONValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise ValidationFailedError(f"must be a finite number, not {value}")
        return value
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, date):
        return value.isoformat()
    raise ValidationFailedError(f"must be JSON, not a {type(value).__name__}")


def _storable(text: str) -> str:
    if bad := UNSTORABLE.search(text):
        raise ValidationFailedError(f"holds the character {shown(bad.group())}; remove it")
    return str(text)


def _text(spec: ParameterSpec, value: JSONValue) -> JSONValue:
    if not isinstance(value, str):
        raise ValidationFailedError(f"must be text, not {found(value)}")
    if spec.pattern is not None and not compile_pattern(spec.pattern)(value):
        raise ValidationFailedError(f"{shown(value)} does not match the pattern {spec.pattern}")
    return value


def _number(spec: ParameterSpec, value: JSONValue) -> JSONValue:
    number = _parsed_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValidationFailedError(f"must be a number, not {found(value)}")
    if isinstance(number, int) and abs(number) > MAX_SAFE_INTEGER:
        raise ValidationFailedError(
            f"{shown(number)} is outside ±{MAX_SAFE_INTEGER}, where JavaScript keeps whole "
            "numbers exact; make it a text parameter"
        )
    if spec.min is not None and number < spec.min:
        raise ValidationFailedError(f"{number} is less than the minimum {spec.min}")
    if spec.max is not None and number > spec.max:
        raise ValidationFailedError(f"{number} is more than the maximum {spec.max}")
    # JavaScript has one kind of number; Dagster hands every one back as a float.
    is_whole = isinstance(number, float) and number.is_integer()
    return int(number) if is_whole and abs(number) <= MAX_SAFE_INTEGER else number


def _parsed_number(text: str) -> int | float | None:
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    if not math.isfinite(number):
        return None
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else number


def _boolean(_spec: ParameterSpec, value: JSONValue) -> JSONValue:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    raise ValidationFailedError(f"must be true or false, not {found(value)}")


def _date(_spec: ParameterSpec, value: JSONValue) -> JSONValue:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if not isinstance(value, str) or match is None:
        advice = did_you_mean(value, SPECIAL_NAMES) if isinstance(value, str) else ""
        raise ValidationFailedError(
            "must be a date (2024-01-31, 2024-01 or 2024-01-31T09:00:00Z) or one of "
            f"{', '.join(sorted(SPECIAL_NAMES))}, not {found(value)}{advice}"
        )
    month, rest = match.groups()
    try:
        datetime.fromisoformat(value if rest else f"{month}-01")
    except ValueError:
        raise ValidationFailedError(f"{shown(value)} is not a date that exists") from None
    return value


def _select(spec: ParameterSpec, value: JSONValue) -> JSONValue:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValidationFailedError(f"must be one of the options, not {found(value)}")
    choices = spec.choices()
    if spec.options is None:
        return value
    for choice in choices:
        if type(choice.value) is type(value) and choice.value == value:
            return choice.value
    for choice in choices:
        # 1.0 is 1 in JSON, and a form sends every value as text.
        if choice.value == value or str(choice.value) == value:
            return choice.value
    advice = did_you_mean(str(value), [str(choice.value) for choice in choices])
    raise ValidationFailedError(
        f"{shown(value)} is not among the options ({_values(choices)}){advice}"
    )


def _values(choices: list[SelectOption]) -> str:
    return listed([choice.value for choice in choices])


def _multiselect(spec: ParameterSpec, value: JSONValue) -> JSONValue:
    if not isinstance(value, list):
        raise ValidationFailedError(f"must be a list of options, not {found(value)}")
    if spec.required and not value:
        raise ValidationFailedError("is required: choose at least one option")
    return [_select(spec, item) for item in value]


def _object(value: JSONValue) -> JSONValue:
    given = value
    if isinstance(value, str):
        try:
            given = plain_json(json.loads(value))
        except (ValueError, RecursionError):
            given = None
    if not isinstance(given, dict):
        raise ValidationFailedError(f"must be an object, not {found(value)}")
    return given


def _unchanged(_spec: ParameterSpec, value: JSONValue) -> JSONValue:
    return value


_CONVERTERS: Mapping[str, Callable[[ParameterSpec, JSONValue], JSONValue]] = {
    "string": _text,
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "select": _select,
    "multiselect": _multiselect,
    "object": _unchanged,
}
