"""Checks of what a script passes: each reads one value, or says what was expected instead."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from analysis_sandbox.dataframe.refusals import did_you_mean, refusal

_INT64_LAST = 2**63 - 1
_SHOWN = 60
_KINDS: Mapping[type, str] = {type(None): "null", bytes: "a Uint8Array", list: "an array"}


def described(value: object) -> str:
    """Return a script's value for a message, in JavaScript's words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= _SHOWN else f"'{value[:_SHOWN]}…'"
    if isinstance(value, int | float):
        return str(value)
    if is_expression(value):
        return "a column expression"
    return _KINDS.get(type(value), "an object")


def is_expression(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a value is a column expression as it crosses."""
    return isinstance(value, dict) and "$expr" in value


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a value is a plain object: options, or values by name."""
    return isinstance(value, dict) and "$expr" not in value


def is_array(value: object) -> TypeGuard[list[object]]:
    """Whether a value is an array."""
    return isinstance(value, list)


def text(step: str, what: str, value: object) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise refusal(step, f"{what} must be a string, not {described(value)}")
    return value


def whole(
    step: str, what: str, value: object, *, least: int = -_INT64_LAST, most: int = _INT64_LAST
) -> int:
    """Return a whole number between `least` and `most`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refusal(step, f"{what} must be a whole number, not {described(value)}")
    if value < least:
        raise refusal(step, f"{what} must be at least {least}, not {value}")
    if value > most:
        raise refusal(step, f"{what} must be at most {most}, not {value}")
    return value


def number(step: str, what: str, value: object) -> float:
    """Return a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise refusal(step, f"{what} must be a number, not {described(value)}")
    return value


def flag(step: str, what: str, value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise refusal(step, f"{what} must be true or false, not {described(value)}")
    return value


def choice(step: str, what: str, value: object, offered: Sequence[str]) -> str:
    """Return one of the offered words."""
    if isinstance(value, str) and value in offered:
        return value
    near = did_you_mean(value, offered) if isinstance(value, str) else ""
    raise refusal(
        step, f"{what} must be one of {', '.join(offered)}, not {described(value)}.{near}"
    )


def options(step: str, value: object, known: Sequence[str]) -> dict[str, object]:
    """Return the members of an options object; one that is null is as if it were not there."""
    if value is None:
        return {}
    if not is_object(value):
        raise refusal(step, f"the options must be an object, not {described(value)}")
    for name in value:
        if name not in known:
            near = did_you_mean(name, known)
            raise refusal(
                step, f"there is no option '{name}'.{near} The options are: {', '.join(known)}"
            )
    return {name: item for name, item in value.items() if item is not None}


def mapping(step: str, what: str, value: object) -> Mapping[str, object]:
    """Return the members of a plain object."""
    if not is_object(value):
        raise refusal(step, f"{what} must be an object, not {described(value)}")
    return value


def flattened(arguments: Sequence[object]) -> list[object]:
    """Return arguments given one by one or as one array, as one list."""
    first = arguments[0] if len(arguments) == 1 else None
    return list(first) if is_array(first) else list(arguments)
