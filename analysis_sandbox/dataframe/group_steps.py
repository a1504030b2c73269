"""Grouping and aggregation, in all the forms that a script may write them."""

from collections.abc import Sequence

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.column_types import family
from analysis_sandbox.dataframe.refusals import did_you_mean, listed, refusal
from analysis_sandbox.dataframe.table import Arguments, Table, argument, as_list, new_name

_STEP = "agg"
_FUNCTIONS = (
    "sum",
    "mean",
    "avg",
    "median",
    "min",
    "max",
    "std",
    "var",
    "count",
    "nUnique",
    "first",
    "last",
    "any",
    "all",
)


def aggregate(table: Table, given: Arguments) -> pl.LazyFrame:
    """Make one row of each group, groups in the order of their first rows."""
    keys = _keys(table, argument(given, 0))
    names = _key_names(table, argument(given, 0), keys)
    results = _results(table, argument(given, 1), names)
    if not keys:
        return table.plan.select(results)
    table.scope.check(results)
    return table.plan.group_by(keys, maintain_order=True).agg(results)


def count(table: Table, given: Arguments) -> pl.LazyFrame:
    """Count the rows of each group, as the column `count`."""
    return aggregate(table, [argument(given, 0), {"count": "count"}])


def _keys(table: Table, given: object) -> list[pl.Expr]:
    if given is None:
        return []
    return [table.scope.named(key, step="groupBy") for key in as_list(given)]


def _key_names(table: Table, given: object, keys: Sequence[pl.Expr]) -> list[str]:
    names = [key for key in as_list(given) if isinstance(key, str)]
    if len(names) == len(keys):
        return names
    return table.scope.nothing.select(keys).collect_schema().names()


def _results(table: Table, given: object, keys: Sequence[str]) -> list[pl.Expr]:
    if arguments.is_object(given):
        forms = given
        results = [
            _result(table, name, form, keys).alias(new_name(_STEP, "a result", name))
            for name, form in forms.items()
        ]
        twice = [name for name in forms if name in keys]
        if twice:
            raise refusal(_STEP, f"'{twice[0]}' is a key of the groups; name the result otherwise")
    else:
        results = [table.scope.expression(_expression(form), step=_STEP) for form in as_list(given)]
    if not results:
        raise refusal(_STEP, "needs at least one result, as in {total: 'sum:amount'}")
    return results


def _expression(form: object) -> object:
    if not arguments.is_expression(form):
        raise refusal(
            _STEP,
            "takes an object such as {total: 'sum:amount'} or column expressions, "
            f"not {arguments.described(form)}",
        )
    return form


def _result(table: Table, name: str, form: object, keys: Sequence[str]) -> pl.Expr:
    if arguments.is_expression(form):
        return table.scope.expression(form, step=_STEP)
    if isinstance(form, str):
        function, colon, column = form.partition(":")
        if not colon and _function(name, function) == "count":
            return pl.len().cast(pl.Int64)
        return _applied(table, name, function, column if colon else _meant(table, name, form, keys))
    parts = form if arguments.is_array(form) else []
    if len(parts) == 2 and isinstance(parts[0], str) and isinstance(parts[1], str):
        return _applied(table, name, parts[1], parts[0])
    raise refusal(
        _STEP,
        f"'{name}' must be 'sum', 'sum:column', ['column', 'sum'] or a column expression, "
        f"not {arguments.described(form)}",
    )


def _applied(table: Table, name: str, function: str, column: str) -> pl.Expr:
    node = {"$expr": [_function(name, function), {"$expr": ["col", None, column]}]}
    return table.scope.expression(node, step=_STEP)


def _function(name: str, function: str) -> str:
    if function in _FUNCTIONS:
        return function
    near = did_you_mean(function, _FUNCTIONS)
    raise refusal(
        _STEP,
        f"'{name}': there is no aggregation '{function[:100]}'.{near} "
        f"There are: {', '.join(_FUNCTIONS)}",
    )


def _meant(table: Table, name: str, function: str, keys: Sequence[str]) -> str:
    """Return the column of a form that names none: the result's own, else the only numeric one."""
    _function(name, function)
    if name in table.schema and name not in keys:
        return name
    candidates = [
        column
        for column, dtype in table.schema.items()
        if family(dtype) == "number" and column not in keys
    ]
    if len(candidates) == 1:
        return candidates[0]
    offered = listed(candidates) if candidates else "no numeric column besides the keys"
    raise refusal(
        _STEP,
        f"'{name}': '{function}' of which column? Write '{function}:column'. Candidates: {offered}",
    )
