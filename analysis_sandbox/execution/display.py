"""How a result wants to be shown: hints for its tables and charts, checked against the result."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.values import JSONObject, JSONValue, decode

MAX_HINTS = 50
_ROWS_LOOKED_AT = 1000
_MAX_COLUMNS = 500
_Text = Annotated[str, Field(min_length=1, max_length=500)]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class ColumnHint(BaseModel):
    """One column: which one, what to call it, how to write its values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Text
    label: _Text | None = None
    format: (
        Literal["number", "integer", "percent", "currency", "date", "datetime", "text"] | None
    ) = None
    digits: int | None = Field(default=None, ge=0, le=20)
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")


class TableHint(BaseModel):
    """A table of the result: `key` is the path of its rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: _Text
    title: _Text | None = None
    columns: list[ColumnHint] | None = Field(default=None, min_length=1, max_length=_MAX_COLUMNS)

    def source(self) -> str:
        """Return the path of the rows."""
        return self.key

    def names(self) -> list[str]:
        """Return the columns it speaks of."""
        return [column.name for column in self.columns or ()]


class ChartHint(BaseModel):
    """A chart of the result: `data` is the path of its rows, `x` and `y` are columns of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["bar", "line", "pie", "scatter"]
    data: _Text
    x: _Text
    y: Annotated[list[_Text], BeforeValidator(_listed), Field(min_length=1, max_length=20)]
    title: _Text | None = None
    series: _Text | None = None

    def source(self) -> str:
        """Return the path of the rows."""
        return self.data

    def names(self) -> list[str]:
        """Return the columns it speaks of."""
        return [self.x, *self.y, *([self.series] if self.series else [])]


_Hint = TypeVar("_Hint", TableHint, ChartHint)


class Displays:
    """The hints of one run, in the order given; a later table of the same key replaces it."""

    def __init__(self) -> None:
        self._tables: dict[str, TableHint] = {}
        self._charts: list[ChartHint] = []

    def add_table(self, given: object) -> None:
        """`ctx.table`; raises `ValidationFailedError`."""
        hint = _checked(TableHint, given, "ctx.table")
        self._tables[hint.key] = hint
        _check_count(len(self._tables), "ctx.table")

    def add_chart(self, given: object) -> None:
        """`ctx.chart`; raises `ValidationFailedError`."""
        self._charts.append(_checked(ChartHint, given, "ctx.chart"))
        _check_count(len(self._charts), "ctx.chart")

    def conclude(self, result: str) -> tuple[JSONObject | None, list[str]]:
        """Return the hints that fit the result, and a sentence about each one that does not."""
        if not self._tables and not self._charts:
            return None, []
        value = decode(result)
        problems: list[str] = []
        tables = _fitting(self._tables.values(), value, "ctx.table", problems)
        charts = _fitting(self._charts, value, "ctx.chart", problems)
        if not tables and not charts:
            return None, problems
        return {"tables": tables, "charts": charts}, problems


def _checked(model: type[_Hint], given: object, name: str) -> _Hint:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        fields = {_path(item["loc"]): _wording(item, model) for item in error.errors()}
        told = "; ".join(f"{path}: {text}" if path else text for path, text in fields.items())
        raise ValidationFailedError(f"{name}: {told}", fields=fields) from None


def _path(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location)


def _wording(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    if item["type"] == "extra_forbidden":
        inner = len(item["loc"]) > 1
        known = ColumnHint.model_fields if inner else model.model_fields
        return f"there is no such option; there are {', '.join(known)}"
    if item["type"] == "literal_error":
        return f"must be {item['ctx']['expected']}, not {item['input']!r}"
    return "is missing" if item["type"] == "missing" else str(item["msg"])


def _check_count(count: int, name: str) -> None:
    if count > MAX_HINTS:
        raise LimitExceededError(
            f"{name} was called for more than {MAX_HINTS} hints; {MAX_HINTS} are allowed",
            details={"used": count, "allowed": MAX_HINTS},
        )


def _fitting(
    hints: "Iterable[TableHint | ChartHint]", result: Any, name: str, problems: list[str]
) -> list[JSONValue]:
    found: list[JSONValue] = []
    for hint in hints:
        problem = _misfit(hint, result)
        if problem is None:
            found.append(cast("JSONObject", hint.model_dump(exclude_none=True)))
        else:
            problems.append(f"{name} is left out: {problem}")
    return found


def _misfit(hint: TableHint | ChartHint, result: Any) -> str | None:
    """Return what the result lacks for this hint."""
    rows: Any = result
    whole = isinstance(result, dict) and hint.source() in result
    for part in [hint.source()] if whole else hint.source().split("."):
        if not isinstance(rows, dict) or part not in rows:
            members = cast("dict[str, Any]", rows) if isinstance(rows, dict) else {}
            return f"the result has no '{hint.source()}'{_nearest(part, members)}"
        rows = cast("dict[str, Any]", rows)[part]
    if not isinstance(rows, list):
        return f"'{hint.source()}' of the result is not an array of rows"
    looked_at = cast("list[Any]", rows)[:_ROWS_LOOKED_AT]
    if any(not isinstance(row, dict) for row in looked_at):
        return f"the rows of '{hint.source()}' are not objects"
    columns = dict.fromkeys(name for row in looked_at for name in row)
    for name in hint.names():
        if looked_at and name not in columns:
            return f"the rows of '{hint.source()}' have no column '{name}'{_nearest(name, columns)}"
    return None


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
