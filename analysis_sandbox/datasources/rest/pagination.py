"""How a REST API tells its pages: the options of `paginate`, and the way from page to page."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, cast

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from analysis_sandbox.datasources.http.urls import query_params, with_params
from analysis_sandbox.errors import QueryError, ValidationFailedError

Style = Literal["page", "offset", "cursor", "link"]
# A page is asked for by a URL of its own, or by parameters.
Step: TypeAlias = str | list[tuple[str, str]]
_LINK = re.compile(
    r"<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+\s*(?:=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s\",;]+))?)*)"
)
_RELATION = re.compile(r";\s*rel\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s\",;]+))", re.IGNORECASE)


class Pagination(BaseModel):
    """How pages are asked for, where their items are and where the next page is told.

    Paths are names joined by dots, such as `data.items`. Without a `style` the options tell it:
    `offset_param` means offsets; `next_page_path` what stands there: a URL, or a cursor for
    `cursor_param`, or the next number for `page_param`; `page_param` alone means numbers. Otherwise
    the header Link is followed.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        hide_input_in_errors=True,
    )

    style: Style | None = None
    page_param: str | None = Field(default=None, min_length=1)
    offset_param: str | None = Field(default=None, min_length=1)
    cursor_param: str | None = Field(default=None, min_length=1)
    limit_param: str | None = Field(default=None, min_length=1)
    limit: int | None = Field(default=None, ge=1)
    first_page: int = Field(default=1, ge=0)
    data_path: str | None = None
    next_page_path: str | None = Field(default=None, min_length=1)
    max_pages: int | None = Field(default=None, ge=1, le=100_000)

    def told_style(self) -> Style | None:
        """Return the style; None if nothing tells it."""
        if self.style is not None:
            return self.style
        if self.offset_param:
            return "offset"
        if self.cursor_param:
            return "cursor"
        if self.next_page_path:
            return "link"
        return "page" if self.page_param else None


class PaginationOptions(Pagination):
    """What a script passes to `paginate`: a pagination, and parameters for every page."""

    params: dict[str, object] = Field(default_factory=dict[str, object])


def pagination_of(options: object, defaults: Pagination | None) -> PaginationOptions:
    """Return a script's options over the configured ones.

    Raises:
        ValidationFailedError: something in them is wrong; every such thing is named.
    """
    if options is not None and not isinstance(options, Mapping):
        raise ValidationFailedError("paginate: the options must be an object, such as {limit: 100}")
    known = [to_camel(name) for name in PaginationOptions.model_fields]
    given = {
        name: value
        for name, value in cast("Mapping[str, object]", options or {}).items()
        if value is not None
    }
    stated = defaults.model_dump(exclude_unset=True, by_alias=True) if defaults else {}
    try:
        return PaginationOptions.model_validate({**stated, **given})
    except ValidationError as error:
        problems: dict[str, str] = {}
        for problem in error.errors(include_url=False, include_input=False):
            name = str(problem["loc"][0])
            nearest = difflib.get_close_matches(name, known, n=1)
            if problem["type"] == "extra_forbidden":
                meant = f"; did you mean {nearest[0]}?" if nearest else ""
                problems[name] = f"is not an option{meant}"
            else:
                problems[name] = problem["msg"]
        told = "; ".join(f"{name} {text}" for name, text in problems.items())
        raise ValidationFailedError(f"paginate: {told}", fields=problems) from None


class Page:
    """One page as it came."""

    def __init__(self, value: object, *, links: str, url: httpx.URL) -> None:
        self.value = value
        self.links = links
        self.url = url


class Pager:
    """Walks the pages of one call: the first request, and after each page the next or the end."""

    def __init__(self, options: PaginationOptions, *, name: str) -> None:
        self._options = options
        self._name = name
        self._style = options.told_style()
        self._number = options.first_page
        self._offset = 0
        self._previous = ""
        self._seen: set[str] = set()

    def first(self, url: httpx.URL) -> httpx.URL:
        """Return the first page's URL."""
        options = self._options
        params: list[tuple[str, str]] = []
        if options.limit_param and options.limit:
            params.append((options.limit_param, str(options.limit)))
        if self._style == "page":
            params.append((options.page_param or "page", str(self._number)))
        elif options.page_param:
            params.append((options.page_param, str(options.first_page)))
        if self._style == "offset":
            params.append((options.offset_param or "offset", "0"))
        return with_params(with_params(url, query_params(options.params)), params)

    @property
    def may_end_with_not_found(self) -> bool:
        """Whether an API may answer 404 for the page after the last."""
        return self._style in ("page", "offset")

    def items(self, page: Page) -> list[object]:
        """Return the items of a page.

        Raises:
            QueryError: there is no array where it should be.
        """
        path = self._options.data_path
        found = value_at(page.value, path) if path else _only_array(page.value)
        if page.value is None or (found is None and path and _has(page.value, path)):
            return []
        if not isinstance(found, list):
            raise self._misplaced(path or "", page.value)
        return cast("list[object]", found)

    def next(self, page: Page, items: Sequence[object]) -> Step | None:
        """Return how the next page is asked for; None after the last.

        Raises:
            QueryError: the pages go in a circle.
            ValidationFailedError: nothing tells how to go on.
        """
        step = self._step(page, items)
        if step is None:
            return None
        # Where numbers are counted here, a server that does not know them repeats itself.
        counted = self._style in ("page", "offset")
        text = json.dumps(items, default=str) if counted else json.dumps(step)
        if text in self._seen or (counted and text == self._previous):
            raise QueryError(
                f"Datasource {self._name!r}: the pages repeat themselves after {shorten(step)}",
                hint="Check the names of the parameters, and nextPagePath.",
                details={"datasource": self._name},
            )
        self._previous = text
        if not counted:
            self._seen.add(text)
        return step

    def _step(self, page: Page, items: Sequence[object]) -> Step | None:
        options = self._options
        if options.next_page_path is not None and self._style != "offset":
            return self._named_step(value_at(page.value, options.next_page_path))
        if self._style == "page":
            self._number += 1
            return [(options.page_param or "page", str(self._number))] if items else None
        if self._style == "offset":
            self._offset += len(items)
            return [(options.offset_param or "offset", str(self._offset))] if items else None
        if self._style == "cursor":
            raise ValidationFailedError(
                "paginate: a cursor needs nextPagePath, where the next one is told"
            )
        if self._style is None and not page.links:
            raise ValidationFailedError(
                "paginate: nothing tells how the pages are asked for: set pageParam, offsetParam, "
                "nextPagePath, or style: 'link' where the header Link tells it"
            )
        return next_link(page.links)

    def _named_step(self, told: object) -> Step | None:
        options = self._options
        if told is None or told is False or told in ("", {}, []):
            return None
        if options.cursor_param:
            return [(options.cursor_param, _scalar(told, options.next_page_path))]
        is_number = isinstance(told, int) or (isinstance(told, str) and told.isdecimal())
        if is_number and (options.page_param or self._style == "page"):
            # `true` says that there is a further page, a number which.
            self._number += 1
            number = self._number if told is True else int(cast("str", told))
            return [(options.page_param or "page", str(number))]
        if not isinstance(told, str):
            raise QueryError(
                f"Datasource {self._name!r}: {options.next_page_path} is {shorten(told)}, which "
                "is no URL of a next page",
                hint="Set cursorParam or pageParam to the parameter that takes it.",
                details={"datasource": self._name},
            )
        return told

    def _misplaced(self, path: str, value: object) -> QueryError:
        keys = list(cast("dict[str, object]", value)) if isinstance(value, dict) else []
        there = (
            f"it has: {', '.join(keys[:20])}" if keys else f"it is {shorten(cast('object', value))}"
        )
        return QueryError(
            f"Datasource {self._name!r}: the answer has no array at {path or 'its top'}; {there}",
            hint="Set dataPath to the place of the items, such as data.items.",
            details={"datasource": self._name},
        )


def value_at(value: object, path: str) -> object:
    """Return what stands at a path of names joined by dots; None if nothing does."""
    for name in path.split("."):
        if isinstance(value, dict):
            value = cast("dict[str, object]", value).get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):  # pyright: ignore[reportUnknownArgumentType]
            value = cast("list[object]", value)[int(name)]
        else:
            return None
    return value


def next_link(header: str) -> str | None:
    """Return the target of the relation `next` in a header Link."""
    for match in _LINK.finditer(header):
        relation = _RELATION.search(match.group(2))
        names = (relation.group(1) or relation.group(2) or "") if relation else ""
        if "next" in names.lower().split():
            return match.group(1)
    return None


def shorten(value: object) -> str:
    """Return the beginning of a value for a message."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _has(value: object, path: str) -> bool:
    parent, _, name = path.rpartition(".")
    holder = value_at(value, parent) if parent else value
    return isinstance(holder, dict) and name in holder


def _only_array(value: object) -> object:
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, object]", value)
    arrays = [name for name, item in members.items() if isinstance(item, list)]
    return members[arrays[0]] if len(arrays) == 1 else members


def _scalar(value: object, path: str | None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise QueryError(f"The cursor at {path} is {shorten(value)}, which is no text")
    return str(value)
