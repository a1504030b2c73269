from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.catalogue.storable import (
    json_text,
    json_value,
    report_json_text,
    report_text,
)
from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.settings import Settings
from analysis_sandbox.values import MAX_SAFE_INTEGER, JSONValue

Connection = psycopg.Connection[tuple[str]]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats()
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
# Text with lone surrogates and U+0000, which hypothesis leaves out or seldom finds.
ANY_TEXT = st.text(st.sampled_from('a\0\ud800\udc00ä\\u0"😀'), max_size=12)


@pytest.fixture(scope="module")
def connection(postgres_home: Path) -> Generator[Connection]:
    url = EmbeddedPostgres(Settings(home=postgres_home)).url("catalogue", driver="libpq")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def _stored(connection: Connection, text: str) -> JSONValue:
    row = connection.execute("SELECT CAST(CAST(%s AS jsonb) AS text)", [text]).fetchone()
    assert row is not None
    return json_value(row[0])


@settings(deadline=None)
@given(value=JSON)
def test_a_value_is_stored_exactly_or_refused(connection: Connection, value: JSONValue) -> None:
    try:
        text = json_text(value, what="The value")
    except ValidationFailedError:
        return

    assert _stored(connection, text) == value


@settings(deadline=None)
@given(text=ANY_TEXT)
def test_text_is_refused_exactly_when_postgresql_cannot_store_it(
    connection: Connection, text: str
) -> None:
    storable = "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)

    try:
        encoded = json_text({text: [text]}, what="The value")
    except ValidationFailedError:
        assert not storable
    else:
        assert storable
        assert _stored(connection, encoded) == {text: [text]}


@settings(deadline=None)
@given(value=JSON, text=ANY_TEXT)
def test_every_report_can_be_stored(connection: Connection, value: JSONValue, text: str) -> None:
    encoded = report_json_text({"value": value, text: text})

    assert encoded is not None
    assert isinstance(_stored(connection, encoded), dict)
    row = connection.execute("SELECT CAST(%s AS text)", [report_text(text)]).fetchone()
    assert row == (report_text(text),)


@pytest.mark.parametrize("number", [3.470700298908815e16, 1e300, -1e17, 2.0**53])
def test_a_large_float_stays_a_float(connection: Connection, number: float) -> None:
    stored = _stored(connection, json_text(number, what="The value"))

    assert stored == number
    assert isinstance(stored, float)


def test_safe_integers_stay_integers() -> None:
    assert json_value(f"[{MAX_SAFE_INTEGER}, -1, {MAX_SAFE_INTEGER + 2}]") == [
        MAX_SAFE_INTEGER,
        -1,
        float(MAX_SAFE_INTEGER + 2),
    ]
    assert isinstance(json_value(str(MAX_SAFE_INTEGER)), int)


def test_replacements_are_visible() -> None:
    assert report_text("a\0b\ud800") == "a\ufffdb\ufffd"
    assert report_text("plain") == "plain"
    assert report_json_text({"a\0": float("inf")}) == '{"a\ufffd":null}'
    assert report_json_text(None) is None
