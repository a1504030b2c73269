"""Steps that bring several frames together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.calls import exact_column
from analysis_sandbox.dataframe.column_types import one_family, type_name
from analysis_sandbox.dataframe.refusals import did_you_mean, listed, refusal
from analysis_sandbox.dataframe.table import Arguments, Table, argument, as_list, check_count

_How = Literal["inner", "left", "right", "full", "semi", "anti", "cross"]
_Order = Literal["left", "right", "left_right", "none"]
_HOW = ("inner", "left", "right", "full", "outer", "semi", "anti", "cross")
_ORDERS: dict[str, _Order] = {"right": "right", "full": "left_right", "cross": "none"}
_MOST_FRAMES = 1_000


@dataclass(frozen=True, slots=True)
class Joining:
    """What a join is asked to do. A cross join has no keys."""

    other: Table
    how: str
    left: Sequence[str]
    right: Sequence[str]
    suffix: str


def joining(table: Table, given: Arguments) -> Joining:
    """Read the arguments of a join."""
    check_count("join", given, 3)
    other = _frame("join", argument(given, 0))
    options = _options(argument(given, 2))
    how = arguments.choice("join", "how", options.get("how", "inner"), _HOW)
    suffix = arguments.text("join", "suffix", options.get("suffix", "_right"))
    if how == "cross":
        if argument(given, 1) is not None or "leftOn" in options or "rightOn" in options:
            raise refusal("join", "a cross join has no keys")
        return Joining(other, how, (), (), suffix)
    left, right = _keys(table, other, argument(given, 1), options)
    for pair in zip(left, right, strict=True):
        _check_types(table, other, *pair)
    return Joining(other, "full" if how == "outer" else how, left, right, suffix)


def join(table: Table, given: Arguments) -> pl.LazyFrame:
    """Join with another frame on keys that are equal; null equals nothing."""
    asked = joining(table, given)
    if asked.how == "cross":
        return table.plan.join(asked.other.plan, how="cross", suffix=asked.suffix)
    return table.plan.join(
        asked.other.plan,
        left_on=_exact(asked.left),
        right_on=_exact(asked.right),
        how=cast("_How", asked.how),
        suffix=asked.suffix,
        coalesce=True if asked.how == "full" else None,
        maintain_order=_ORDERS.get(asked.how, "left"),
    )


def _options(given: object) -> dict[str, object]:
    if isinstance(given, str):
        return {"how": given}
    return arguments.options("join", given, ("how", "leftOn", "rightOn", "suffix"))


def _keys(
    table: Table, other: Table, on: object, options: dict[str, object]
) -> tuple[list[str], list[str]]:
    if on is not None:
        if "leftOn" in options or "rightOn" in options:
            raise refusal(
                "join", "give the keys once: as the second argument, or as leftOn/rightOn"
            )
        options = {"leftOn": on, "rightOn": on}
    if "leftOn" not in options or "rightOn" not in options:
        raise refusal(
            "join", "needs keys, as in join(other, 'id') or {leftOn: 'id', rightOn: 'key'}"
        )
    left = table.scope.columns("join", "a key", options["leftOn"])
    right = other.scope.columns("join", "a key of the other frame", options["rightOn"])
    if len(left) != len(right) or not left:
        raise refusal("join", f"has {len(left)} keys on the left and {len(right)} on the right")
    return left, right


def _check_types(table: Table, other: Table, left: str, right: str) -> None:
    ours, theirs = table.schema[left], other.schema[right]
    if type_name(ours) == type_name(theirs):
        return
    key = f"'{left}'" if left == right else f"'{left}'/'{right}'"
    raise refusal(
        "join",
        f"the key {key} is {type_name(ours)} on the left and {type_name(theirs)} on the right; "
        f"cast one of them, as in .cast({{{right}: '{type_name(ours)}'}})",
    )


def concat(table: Table, given: Arguments) -> pl.LazyFrame:
    """Put other frames below this one."""
    items = list(given)
    options: dict[str, object] = {}
    if items and arguments.is_object(items[-1]):
        options = arguments.options("concat", items.pop(), ("how",))
    how = arguments.choice(
        "concat", "how", options.get("how", "vertical"), ("vertical", "diagonal")
    )
    flat = [frame for item in items for frame in as_list(item)]
    others = [_frame("concat", frame) for frame in flat]
    if not others:
        raise refusal("concat", "needs another frame, as in concat(other)")
    if len(others) > _MOST_FRAMES:
        raise refusal("concat", f"takes at most {_MOST_FRAMES} frames, not {len(others)}")
    for other in others:
        _check_columns(table, other, how)
    _check_one_type_each([table, *others])
    if how == "diagonal":
        return pl.concat([table.plan, *(o.plan for o in others)], how="diagonal_relaxed")
    ordered = [other.plan.select(_exact(table.names)) for other in others]
    return pl.concat([table.plan, *ordered], how="vertical_relaxed")


def _exact(names: Sequence[str]) -> list[pl.Expr]:
    return [exact_column(name) for name in names]


def _check_columns(table: Table, other: Table, how: str) -> None:
    missing = [name for name in table.names if name not in other.schema]
    extra = [name for name in other.names if name not in table.schema]
    if how == "diagonal" or not (missing or extra):
        return
    near = did_you_mean(extra[0], missing) if extra else ""
    parts = [f"lacks {listed(missing)}"] if missing else []
    parts += [f"has also {listed(extra)}"] if extra else []
    raise refusal(
        "concat",
        f"the columns differ: the other frame {' and '.join(parts)}.{near} "
        "With {how: 'diagonal'} what is missing becomes null",
    )


def _check_one_type_each(tables: Sequence[Table]) -> None:
    first: dict[str, pl.DataType] = {}
    for table in tables:
        for name, dtype in table.schema.items():
            known = first.setdefault(name, dtype)
            if isinstance(known, pl.Null):
                first[name] = dtype
            elif not one_family((known, dtype)):
                raise refusal(
                    "concat",
                    f"the column '{name}' is {type_name(known)} in one frame and "
                    f"{type_name(dtype)} in another; cast one of them",
                )


def _frame(step: str, value: object) -> Table:
    if not isinstance(value, Table):
        raise refusal(step, f"takes another DataFrame, not {arguments.described(value)}")
    return value
