"""Every way in which APIs tell their pages, against a real one, and what ends the walk."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request, Response

from analysis_sandbox.datasources.rest.datasource import RESTDatasource
from analysis_sandbox.datasources.rest.pagination import next_link
from analysis_sandbox.errors import (
    CancelledError,
    LimitExceededError,
    QueryError,
    StatementRefusedError,
    ValidationFailedError,
)
from tests.api.serving import serving
from tests.datasources.http.server import opening

ITEMS = [{"id": number} for number in range(25)]


class Log:
    """The queries that the API saw."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.on_request = lambda: None


def build(log: Log) -> FastAPI:
    app = FastAPI()
    add_pages(app)
    add_links(app)
    add_oddities(app)

    @app.middleware("http")
    async def note(request: Request, call_next: Any) -> Response:
        log.queries.append(request.url.query)
        log.on_request()
        return await call_next(request)

    del note
    return app


def add_pages(app: FastAPI) -> None:
    @app.get("/pages")
    def pages(page: int = 1, per_page: int = 10) -> list[dict[str, int]]:
        return ITEMS[(page - 1) * per_page : page * per_page]

    @app.get("/strict")
    def strict(page: int = 1) -> list[dict[str, int]]:
        if page > 3:
            raise HTTPException(404, "Invalid page.")
        return ITEMS[(page - 1) * 10 : page * 10]

    @app.get("/offsets")
    def offsets(offset: int = 0, limit: int = 10) -> dict[str, Any]:
        return {"data": {"items": ITEMS[offset : offset + limit]}, "total": 25}

    @app.get("/cursors")
    def cursors(after: str | None = None) -> dict[str, Any]:
        start = int(after[1:]) if after else 0
        more = start + 10 < len(ITEMS)
        return {
            "items": ITEMS[start : start + 10],
            "meta": {"next": f"c{start + 10}" if more else None},
        }

    del pages, strict, offsets, cursors


def add_links(app: FastAPI) -> None:
    @app.get("/links/{kind}")
    def links(kind: str, request: Request, page: int = 1) -> dict[str, Any]:
        more = page * 10 < len(ITEMS)
        target = {
            "absolute": f"{request.base_url}links/absolute?page={page + 1}",
            "rooted": f"/links/rooted?page={page + 1}",
            "relative": f"?page={page + 1}",
            "number": page + 1,
            "flag": True,
            "foreign": "https://evil.example/next",
            "same": "/links/same?page=1",
            "object": {"a": 1},
        }[kind]
        end: object = "" if page % 2 else None
        return {
            "data": ITEMS[(page - 1) * 10 : page * 10],
            "links": {"next": target if more else end},
        }

    @app.get("/header")
    def header(response: Response, page: int = 1) -> list[dict[str, int]]:
        if page * 10 < len(ITEMS):
            response.headers["Link"] = (
                f'<?page=1>; rel="first", <?page={page + 1}>; title="a, b"; rel="last next"'
            )
        else:
            response.headers["Link"] = '<?page=1>; rel="first"'
        return ITEMS[(page - 1) * 10 : page * 10]

    del links, header


def add_oddities(app: FastAPI) -> None:
    @app.get("/endless")
    def endless(page: int = 1) -> list[dict[str, int]]:
        return [{"page": page}]

    @app.get("/large")
    def large(page: int = 1) -> list[str]:
        return [f"{page}" * 100_000]

    @app.get("/ignores")
    def ignores() -> list[int]:
        return [1, 2, 3]

    @app.get("/shapes/{kind}")
    def shapes(kind: str) -> Any:
        return {
            "null": {"data": None},
            "text": {"data": "x"},
            "two": {"a": [1], "b": [2]},
            "number": 5,
            "nothing": None,
        }[kind]

    del endless, large, ignores, shapes


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Log]]:
    log = Log()
    with serving(build(log)) as base:
        yield base, log


@pytest.fixture
def log(server: tuple[str, Log]) -> Log:
    server[1].queries.clear()
    server[1].on_request = lambda: None
    return server[1]


@pytest.fixture
def open_api(server: tuple[str, Log]) -> Iterator[Callable[..., RESTDatasource]]:
    with opening(server[0]) as found:
        yield found


@pytest.fixture
def api(open_api: Callable[..., RESTDatasource]) -> RESTDatasource:
    return open_api(retries=0)


@pytest.mark.parametrize(
    ("endpoint", "options"),
    [
        ("/pages", {"pageParam": "page", "limitParam": "per_page", "limit": 10}),
        ("/pages", {"pageParam": "page"}),
        ("/pages", {"style": "page"}),
        ("/strict", {"pageParam": "page"}),
        ("/offsets", {"offsetParam": "offset", "dataPath": "data.items"}),
        (
            "/offsets",
            {"style": "offset", "limitParam": "limit", "limit": 7, "dataPath": "data.items"},
        ),
        ("/cursors", {"cursorParam": "after", "nextPagePath": "meta.next"}),
        ("/cursors", {"cursorParam": "after", "nextPagePath": "meta.next", "dataPath": "items"}),
        ("/links/absolute", {"dataPath": "data", "nextPagePath": "links.next"}),
        (
            "/links/absolute",
            {
                "pageParam": "page",
                "limitParam": "n",
                "limit": 10,
                "dataPath": "data",
                "nextPagePath": "links.next",
            },
        ),
        ("/links/rooted", {"dataPath": "data", "nextPagePath": "links.next"}),
        ("/links/relative", {"dataPath": "data", "nextPagePath": "links.next"}),
        ("/links/number", {"pageParam": "page", "nextPagePath": "links.next"}),
        ("/links/flag", {"pageParam": "page", "nextPagePath": "links.next", "dataPath": "data"}),
        ("/header", {"style": "link"}),
        ("/header", None),
    ],
)
def test_every_style_of_pages_is_walked_to_its_end(
    api: RESTDatasource, endpoint: str, options: Mapping[str, object] | None
) -> None:
    assert api.paginate(endpoint, options) == ITEMS


def test_what_is_asked_for_is_what_the_options_say(api: RESTDatasource, log: Log) -> None:
    options = {
        "pageParam": "page",
        "limitParam": "per_page",
        "limit": 20,
        "params": {"active": True, "page": 9},
    }
    api.paginate("/pages?kept=1", options)

    assert log.queries == [
        "kept=1&active=true&per_page=20&page=1",
        "kept=1&active=true&per_page=20&page=2",
        "kept=1&active=true&per_page=20&page=3",
    ]


def test_configured_options_hold_until_the_script_says_otherwise(
    open_api: Callable[..., RESTDatasource], log: Log
) -> None:
    pagination = {"page_param": "page", "limit_param": "per_page", "limit": 25, "first_page": 1}
    datasource = open_api(pagination=pagination)

    assert datasource.paginate("/pages") == ITEMS
    assert datasource.paginate("/pages", {"limit": 13}) == ITEMS
    assert log.queries[0] == "per_page=25&page=1"
    assert log.queries[2] == "per_page=13&page=1"


def test_a_script_may_end_early(api: RESTDatasource, log: Log) -> None:
    assert api.paginate("/pages", {"pageParam": "page", "maxPages": 2}) == ITEMS[:20]
    assert len(log.queries) == 2


def test_more_pages_than_sensible_are_an_error_and_not_a_part(api: RESTDatasource) -> None:
    with pytest.raises(LimitExceededError, match="1000 pages with 1000 items"):
        api.paginate("/endless", {"pageParam": "page"})


def test_all_pages_together_are_limited(open_api: Callable[..., RESTDatasource]) -> None:
    with pytest.raises(LimitExceededError, match=r"more than 0\.5 MB") as caught:
        open_api(max_response_mb=0.5).paginate("/large", {"pageParam": "page"})

    assert caught.value.details["pages"] == 6


@pytest.mark.parametrize(
    ("endpoint", "options"),
    [
        ("/ignores", {"pageParam": "page"}),
        ("/ignores", {"offsetParam": "offset"}),
        ("/links/same", {"nextPagePath": "links.next"}),
    ],
)
def test_pages_that_repeat_themselves_are_noticed(
    api: RESTDatasource, log: Log, endpoint: str, options: Mapping[str, object]
) -> None:
    with pytest.raises(QueryError, match="repeat themselves"):
        api.paginate(endpoint, options)

    assert len(log.queries) <= 3


def test_a_next_page_of_another_origin_is_refused(api: RESTDatasource, log: Log) -> None:
    with pytest.raises(StatementRefusedError, match=r"evil\.example"):
        api.paginate("/links/foreign", {"dataPath": "data", "nextPagePath": "links.next"})

    assert len(log.queries) == 1


@pytest.mark.parametrize(
    ("endpoint", "options", "told"),
    [
        ("/shapes/text", {"dataPath": "data", "style": "page"}, "no array at data"),
        ("/shapes/two", {"style": "page"}, "it has: a, b"),
        ("/shapes/number", {"style": "page"}, "it is 5"),
        ("/shapes/two", {"dataPath": "c.d", "style": "page"}, "no array at c.d"),
        ("/links/number", {"dataPath": "data", "nextPagePath": "links.next"}, "no URL"),
        ("/links/object", {"dataPath": "data", "nextPagePath": "links.next"}, "no URL"),
    ],
)
def test_an_answer_of_another_shape_is_described(
    api: RESTDatasource, endpoint: str, options: Mapping[str, object], told: str
) -> None:
    with pytest.raises(QueryError, match=told):
        api.paginate(endpoint, options)


@pytest.mark.parametrize("kind", ["null", "nothing"])
def test_no_items_are_an_empty_array(api: RESTDatasource, kind: str) -> None:
    assert api.paginate(f"/shapes/{kind}", {"dataPath": "data", "pageParam": "page"}) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"pageParm": "page"}, "did you mean pageParam"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"style": "magic"}, "style"),
        ({"maxPages": -1}, "maxPages"),
        ([], "must be an object"),
        ("page", "must be an object"),
        ({"style": "cursor"}, "needs nextPagePath"),
        ({}, "nothing tells"),
        (None, "nothing tells"),
    ],
)
def test_options_that_make_no_sense_are_named(
    api: RESTDatasource, options: object, told: str
) -> None:
    with pytest.raises(ValidationFailedError, match=told):
        api.paginate("/pages", options)


def test_cancel_ends_the_walk_between_pages(api: RESTDatasource, log: Log) -> None:
    log.on_request = lambda: api.cancel() if len(log.queries) == 3 else None

    with pytest.raises(CancelledError):
        api.paginate("/endless", {"pageParam": "page"})

    assert len(log.queries) == 3


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://a/b?c=1,2>; rel="next"', "https://a/b?c=1,2"),
        ("</x>; rel=next", "/x"),
        ('</p>; rel="prev", </n>; rel="next"', "/n"),
        ('</n>; title="say \\"next\\", please"; rel="Next"', "/n"),
        ('</n>;rel="prev next"', "/n"),
        ('</n>; rel="nextish"', None),
        ('</n>; title="rel=next"; rel="prev"', None),
        ("nonsense", None),
        ("", None),
        ("<" * 5000, None),
    ],
)
def test_the_header_link_is_read_as_the_standard_says(header: str, target: str | None) -> None:
    assert next_link(header) == target
