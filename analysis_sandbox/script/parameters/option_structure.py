"""The `options` of a parameter: a function, or a list of choices, plain or in groups."""

from collections.abc import Sequence
from typing import cast

from analysis_sandbox.script.definition import OptionGroup, SelectOption
from analysis_sandbox.script.sections import Section, found
from analysis_sandbox.script.wording import shown

_OPTION_KEYS, _GROUP_KEYS = ("value", "label"), ("label", "options")
_MOST_OPTIONS = 1000
_SHAPE = '{ value: "a", label: "A" }'


def read_options(section: Section) -> tuple[list[SelectOption | OptionGroup] | None, bool]:
    """Return the static choices, if there are any, and whether the options are a function."""
    if section.is_function("options"):
        return None, True
    stated = section.value("options")
    if stated is None:
        return None, False
    if not isinstance(stated, list):
        section.error("options", f"must be a list or a function, not {found(stated)}")
        return None, False
    entries = cast("list[object]", stated)
    if not entries:
        section.error("options", "is empty; nothing could be chosen")
    options = [_entry(section, f"options[{index}]", entry) for index, entry in enumerate(entries)]
    read = [option for option in options if option is not None]
    _check_values(section, read)
    return read, False


def _entry(section: Section, key: str, entry: object) -> SelectOption | OptionGroup | None:
    one = _as_section(section, key, entry)
    if one is None:
        return None
    if one.value("options") is None:
        return _option(one)
    one.warn_unknown(_GROUP_KEYS)
    label, entries = one.text("label"), one.value("options")
    if one.value("label") is None:
        one.error("label", "is missing; it is the group's heading")
    if not isinstance(entries, list):
        one.error("options", f"must be a list, not {found(entries)}")
        return None
    options: list[SelectOption] = []
    for index, item in enumerate(cast("list[object]", entries)):
        inner = _as_section(one, f"options[{index}]", item)
        option = _option(inner) if inner is not None else None
        if option is not None:
            options.append(option)
    return OptionGroup(label=label or "", options=options)


def _as_section(section: Section, key: str, entry: object) -> Section | None:
    if not isinstance(entry, dict):
        section.error(key, f"must be an object like {_SHAPE}, not {found(entry)}")
        return None
    return Section(section.where(key), cast("dict[str, object]", entry), section.problems)


def _option(section: Section) -> SelectOption | None:
    section.warn_unknown(_OPTION_KEYS)
    value, label = section.value("value"), section.value("label")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        what = "is missing" if value is None else f"is {found(value)}"
        section.error("value", f"{what}; it must be text or a number")
        return None
    if not isinstance(label, str):
        what = "is missing" if label is None else f"is {found(label)}"
        section.error("label", f"{what}; it must be text")
        return None
    return SelectOption(value=value, label=label)


def _check_values(section: Section, options: Sequence[SelectOption | OptionGroup]) -> None:
    seen: set[tuple[type, str | int | float]] = set()
    for entry in options:
        for option in entry.options if isinstance(entry, OptionGroup) else [entry]:
            identity = (type(option.value), option.value)
            if identity in seen:
                section.problems.warn(
                    section.where("options"), f"hold the value {shown(option.value)} twice"
                )
            seen.add(identity)
    if len(seen) > _MOST_OPTIONS:
        section.error("options", f"are {len(seen)}; the limit is {_MOST_OPTIONS}")
