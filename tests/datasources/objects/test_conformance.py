"""Behaviour every type of object storage shares. One test, every type."""
# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis_sandbox.datasources import base
from analysis_sandbox.datasources.base import find_operation
from analysis_sandbox.datasources.objects.datasource import ObjectStorageDatasource
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import (
    ConflictError,
    LimitExceededError,
    NotFoundError,
    QueryError,
    ReadOnlyError,
    UnavailableError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.values import EncodedJSON
from tests.datasources.objects.files import FORMATS, ROWS, TEXT_ROWS, packed, tarred, zipped
from tests.datasources.objects.harnesses import GCSHarness, ObjectsHarness, service_account_key

READ_ONLY = "Datasource 'files' is read-only; ask an administrator to set access: read_write"
ODD_KEYS = ["a b.txt", "é/ü+%25.csv", "x#?&=.csv", "a%20b", "deep/er/still", "q'\"*[]{}~^`|<>"]


def keys_of(entries: list[Any]) -> list[str]:
    return [entry["key"] for entry in entries]


def rows_of(datasource: ObjectStorageDatasource, key: str, **options: Any) -> list[Any]:
    chunks = datasource.streams()["stream"](key, options)
    rows: list[Any] = []
    for chunk in chunks:
        assert isinstance(chunk, EncodedJSON)
        rows += json.loads(chunk)
    return rows


def test_the_type_is_installed_and_keeps_every_contract(harness: ObjectsHarness) -> None:
    kind = load_type(harness.type_name)
    datasource = harness.open()

    assert kind is harness.type
    for contract in (
        *(base.Streaming, base.Describable, base.Testable),
        *(base.ArrowReadable, base.ArrowWritable),
    ):
        assert isinstance(datasource, contract)
    assert list(harness.type.stream_names(harness.config())) == list(datasource.streams())


def test_what_writes_is_offered_with_read_write_only(harness: ObjectsHarness) -> None:
    reading = {"list", "get", "getSignedUrl"}

    assert set(harness.open().operations()) == reading
    assert set(harness.type.operation_names(harness.config())) == reading
    assert set(harness.open(access="read_write").operations()) == reading | {
        *("put", "delete", "multipartUpload")
    }


def test_writes_to_a_read_only_datasource_change_nothing(harness: ObjectsHarness) -> None:
    harness.write("kept")
    datasource = harness.open()
    table = pa.table({"a": [1]}).to_reader()

    for operation in ("put", "delete", "multipartUpload"):
        with pytest.raises(ReadOnlyError, match=READ_ONLY):
            find_operation(datasource, operation, name="files")
    for write in (
        lambda: datasource.put("kept", b"new"),
        lambda: datasource.delete("kept"),
        lambda: datasource.multipart_upload("kept", [b"new"]),
        lambda: datasource.write_arrow("t.parquet", table),
    ):
        with pytest.raises(ReadOnlyError):
            write()

    assert harness.stored_keys() == ["kept"]
    assert harness.read("kept") == b"x"


@pytest.mark.parametrize("key", ODD_KEYS)
def test_what_is_put_is_got_and_listed_under_its_key(
    harness: ObjectsHarness, writable: ObjectStorageDatasource, key: str
) -> None:
    writable.put(key, b"\x00bytes\xff")

    assert writable.get(key) == b"\x00bytes\xff"
    assert writable.get(f"/{key}") == b"\x00bytes\xff"
    assert keys_of(writable.list_objects()) == [key]
    assert harness.stored_keys() == [key]


def test_text_is_stored_as_utf_8_and_metadata_with_it(
    harness: ObjectsHarness, writable: ObjectStorageDatasource
) -> None:
    writable.put("k.txt", "grün", {"Content-Type": "text/plain", "owner": "sales"})

    assert harness.read("k.txt") == "grün".encode()
    assert harness.attributes("k.txt")["Content-Type"] == "text/plain"
    if harness.type_name != "gcs":
        # The emulator keeps the headers of S3 only.
        assert harness.attributes("k.txt")["owner"] == "sales"


@pytest.mark.parametrize("key", ["", "/", "a//b", "../x", "a/./b", "a/", "line\nbreak", 7, None])
def test_keys_that_cannot_be_are_refused(datasource: ObjectStorageDatasource, key: Any) -> None:
    with pytest.raises(ValidationFailedError, match="key"):
        datasource.get(key)


def test_a_missing_object_is_not_found(datasource: ObjectStorageDatasource) -> None:
    with pytest.raises(NotFoundError, match="'files': there is no object 'none/such'"):
        datasource.get("none/such")
    with pytest.raises(NotFoundError, match="there is no object 'none'"):
        next(datasource.stream("none"))


def test_a_missing_bucket_is_no_missing_object(harness: ObjectsHarness) -> None:
    field = "container" if harness.type_name == "azure" else "bucket"
    datasource = harness.open(**{field: "nosuchbucket"})

    with pytest.raises(QueryError):
        datasource.list_objects()


def test_an_object_is_deleted_and_deleting_again_is_no_error(
    harness: ObjectsHarness, writable: ObjectStorageDatasource
) -> None:
    harness.write("gone")
    harness.write("kept")

    writable.delete("gone")
    writable.delete("gone")

    assert harness.stored_keys() == ["kept"]


def test_parts_of_any_size_become_one_object(
    harness: ObjectsHarness, writable: ObjectStorageDatasource
) -> None:
    parts = [b"a" * (6 << 20), b"tiny", b"c" * (5 << 20), "text"]

    writable.multipart_upload("big", parts)

    assert harness.read("big") == b"".join(
        part.encode() if isinstance(part, str) else part for part in parts
    )


def test_an_object_larger_than_may_cross_is_refused_before_it_is_read(
    harness: ObjectsHarness,
) -> None:
    harness.write("big", b"x" * 200_000)

    with pytest.raises(LimitExceededError, match=r"200000 bytes; 0.1 MB can be got at once"):
        harness.open(max_object_mb=0.1).get("big")


def test_objects_are_listed_in_order_with_what_is_known_of_them(harness: ObjectsHarness) -> None:
    for key in ("b/2", "a", "b/1", "c"):
        harness.write(key, b"four")

    entries = harness.open().list_objects("")

    assert keys_of(entries) == ["a", "b/1", "b/2", "c"]
    assert entries[0]["size"] == 4
    assert entries[0]["kind"] == "object"
    assert isinstance(entries[0]["etag"], str)
    assert '"' not in entries[0]["etag"]
    moment = datetime.fromisoformat(str(entries[0]["lastModified"]))
    assert moment.tzinfo is not None


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("/monthly/2024/", ["monthly/2024/01.csv", "monthly/2024/02.csv"]),
        ("monthly/2024", ["monthly/2024-old.csv", "monthly/2024/01.csv", "monthly/2024/02.csv"]),
        ("monthly/2024/0", ["monthly/2024/01.csv", "monthly/2024/02.csv"]),
        ("monthly/2024/02", ["monthly/2024/02.csv"]),
        ("mon", ["monthly/2024-old.csv", "monthly/2024/01.csv", "monthly/2024/02.csv"]),
        ("none", []),
        ("monthly/2024/01.csv/", []),
    ],
)
def test_a_prefix_may_begin_with_a_slash_and_end_within_a_name(
    harness: ObjectsHarness, prefix: str, found: list[str]
) -> None:
    for key in (
        *("daily/1.csv", "monthly/2024-old.csv", "monthly/2024/01.csv", "monthly/2024/02.csv"),
        "nightly/1.csv",
    ):
        harness.write(key)

    assert keys_of(harness.open().list_objects(prefix)) == found


def test_a_delimiter_gives_what_deeper_keys_begin_with(harness: ObjectsHarness) -> None:
    for key in ("a/1", "a/b/2", "a/b/3", "a/c/4", "a/d", "z"):
        harness.write(key)
    datasource = harness.open()

    entries = datasource.list_objects("a/", {"delimiter": "/"})

    assert [(entry["key"], entry["kind"]) for entry in entries] == [
        *(("a/1", "object"), ("a/b/", "prefix"), ("a/c/", "prefix"), ("a/d", "object")),
    ]
    assert keys_of(datasource.list_objects("", {"delimiter": "/"})) == ["a/", "z"]
    assert keys_of(datasource.list_objects("a/b", {"delimiter": "/"})) == ["a/b/"]


def test_another_delimiter_groups_as_well(harness: ObjectsHarness) -> None:
    for key in ("r-2023-1", "r-2023-2", "r-2024-1", "s"):
        harness.write(key)

    entries = harness.open().list_objects("r-", {"delimiter": "-"})

    assert keys_of(entries) == ["r-2023-", "r-2024-"]


@pytest.mark.parametrize("delimiter", [None, "/"])
def test_pages_follow_one_another_until_all_is_listed(
    harness: ObjectsHarness, delimiter: str | None
) -> None:
    names = [f"p/{number:02}" for number in range(7)] + ["p/x/1", "p/x/2", "q"]
    for key in names:
        harness.write(key)
    datasource = harness.open()
    found: list[str] = []
    options: dict[str, Any] = {"maxKeys": 3}
    if delimiter:
        options["delimiter"] = delimiter

    while page := datasource.list_objects("p/", options):
        assert len(page) <= 3
        found += keys_of(page)
        options["continuationToken"] = found[-1]

    deeper = ["p/x/"] if delimiter else ["p/x/1", "p/x/2"]
    assert found == [*names[:7], *deeper]


def test_a_list_is_never_cut_off_silently(harness: ObjectsHarness) -> None:
    for number in range(4):
        harness.write(f"k{number}")
    datasource = harness.open(max_listed_keys=3)

    with pytest.raises(LimitExceededError, match="more than 3 keys begin with ''"):
        datasource.list_objects()
    assert len(datasource.list_objects("", {"maxKeys": 2})) == 2


@pytest.mark.parametrize(
    "options", [{"maxKeys": 0}, {"maxKeys": "3"}, {"max": 1}, "no", {"delimiter": ""}]
)
def test_wrong_options_of_a_list_are_told(
    datasource: ObjectStorageDatasource, options: object
) -> None:
    with pytest.raises(ValidationFailedError, match="list: "):
        datasource.list_objects("", options)


def test_a_prefix_of_the_configuration_bounds_what_is_seen(harness: ObjectsHarness) -> None:
    harness.write("outside")
    harness.write("in/side", b"mine")
    harness.write("inside-too")
    datasource = harness.open(prefix="/in/", access="read_write")

    assert keys_of(datasource.list_objects()) == ["side"]
    assert keys_of(datasource.list_objects("", {"delimiter": "/"})) == ["side"]
    assert datasource.get("side") == b"mine"
    datasource.put("new/one", b"")
    assert "in/new/one" in harness.stored_keys()
    for key in ("../outside", "outside"):
        with pytest.raises((ValidationFailedError, NotFoundError)):
            datasource.get(key)
    with pytest.raises(NotFoundError, match="there is no object 'none'"):
        datasource.get("none")


def test_a_signed_url_is_read_without_credentials(harness: ObjectsHarness) -> None:
    harness.write("dir/a b.txt", b"content")
    if isinstance(harness, GCSHarness):
        with pytest.raises(UnsupportedOperationError, match="cannot sign"):
            harness.open().signed_url("dir/a b.txt")
        url = harness.open(token=None, service_account_key=service_account_key()).signed_url("k")
        assert url.startswith((harness.url, "https://storage.googleapis.com"))
        return

    url = harness.open().signed_url("dir/a b.txt", 60)

    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"content"


@pytest.mark.parametrize("expiry", [0, -1, 7 * 24 * 3600 + 1, "60", None])
def test_a_signed_url_lives_for_a_week_at_most(
    datasource: ObjectStorageDatasource, expiry: object
) -> None:
    with pytest.raises(ValidationFailedError, match="expiry"):
        datasource.signed_url("k", expiry)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("packing", ["", "gzip", "zip", "7z", "tar", "bz2", "tar.gz"])
def test_every_format_is_streamed_out_of_every_packing(
    harness: ObjectsHarness, form: str, packing: str
) -> None:
    data = FORMATS[form]
    harness.write("file", packed(data, packing) if packing else data)
    options: dict[str, Any] = {"format": form, "batchSize": 3}
    if packing:
        options["decompress"] = packing
    if form == "excel":
        options["sheet"] = "Sales"

    assert rows_of(harness.open(), "file", **options) == (TEXT_ROWS if form == "csv" else ROWS)


def test_a_member_of_nested_archives_is_streamed(harness: ObjectsHarness) -> None:
    inner = zipped({"readme.txt": b"hi", "data/rows.csv": FORMATS["csv"]})
    harness.write("nested.tar", tarred({"other.txt": b"no", "inner.zip": inner}))

    rows = rows_of(
        harness.open(),
        "nested.tar",
        decompress=["tar", "zip"],
        member=["inner.zip", "*.csv"],
        format="csv",
        types=True,
    )

    assert rows == ROWS


def test_without_a_format_bytes_are_streamed(harness: ObjectsHarness) -> None:
    data = bytes(range(256)) * 20_000
    harness.write("raw.gz", packed(data, "gzip"))

    chunks = list(harness.open().stream("raw.gz", {"decompress": "gzip"}))

    assert len(chunks) > 1
    assert b"".join(chunk for chunk in chunks if isinstance(chunk, bytes)) == data


def test_batches_have_the_wanted_size_and_columns(harness: ObjectsHarness) -> None:
    harness.write("rows.parquet", FORMATS["parquet"])

    chunks = harness.open().stream(
        "rows.parquet", {"format": "parquet", "columns": ["name"], "batchSize": 2}
    )

    sizes = [len(json.loads(str(chunk))) for chunk in chunks]
    assert sum(sizes) == 7
    assert max(sizes) == 2


def test_a_stream_that_is_left_early_reads_no_more(harness: ObjectsHarness) -> None:
    harness.write("big.csv", b"a\n" + b"1\n" * 3_000_000)
    stream = harness.open().stream("big.csv", {"format": "csv", "batchSize": 10})

    first = json.loads(str(next(stream)))
    stream.close()

    assert first == [{"a": "1"}] * 10
    assert next(stream, None) is None


def test_an_object_that_changes_while_it_is_read_is_an_error(harness: ObjectsHarness) -> None:
    harness.write("rows.parquet", FORMATS["parquet"])
    datasource = harness.open()
    source = datasource._bucket.source("rows.parquet")  # pyright: ignore[reportPrivateUsage]
    harness.write("rows.parquet", b"something else")

    with pytest.raises(UnavailableError, match="changed while it was read"):
        source.read_range(0, 4)


def test_several_threads_read_at_once(harness: ObjectsHarness) -> None:
    for number in range(8):
        harness.write(f"k{number}", str(number).encode())
    datasource = harness.open()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(datasource.get, [f"k{number % 8}" for number in range(64)]))

    assert found == [str(number % 8).encode() for number in range(64)]


def test_cancel_leaves_the_datasource_usable(harness: ObjectsHarness) -> None:
    harness.write("k")
    datasource = harness.open()
    datasource.cancel()

    assert datasource.get("k") == b"x"


def test_after_close_the_next_request_says_so(harness: ObjectsHarness) -> None:
    datasource = harness.open()
    datasource.list_objects()
    datasource.close()
    datasource.close()

    with pytest.raises(UnavailableError, match="closed"):
        datasource.list_objects()


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("t.csv", FORMATS["csv"]),
        ("t.csv.gz", packed(FORMATS["csv"], "gzip")),
        ("t.json", FORMATS["json"]),
        ("t.parquet", FORMATS["parquet"]),
    ],
)
def test_an_object_is_read_as_a_table_with_types(
    harness: ObjectsHarness, key: str, data: bytes
) -> None:
    harness.write(f"dir/{key}", data)
    datasource = harness.open()

    for name in (f"dir/{key}", f"{harness.url_scheme}://{harness.bucket}/dir/{key}", f"*/{key}"):
        with datasource.read_arrow(name) as reader:
            table: Any = reader.read_all()
        assert table.to_pylist() == ROWS


def test_a_pattern_reads_several_objects_as_one_table(harness: ObjectsHarness) -> None:
    for day in (1, 2):
        harness.write(f"days/{day}.parquet", FORMATS["parquet"])
    harness.write("days/deep/3.parquet", FORMATS["parquet"])

    with harness.open().read_arrow("days/*.parquet") as reader:
        assert reader.read_all().num_rows == 2 * len(ROWS)
    with pytest.raises(NotFoundError, match="no object matches"):
        harness.open().read_arrow("nights/*.parquet").__enter__()


@pytest.mark.parametrize("url", ["s3://another/t.csv", "https://127.0.0.1/t.csv", "file:///t.csv"])
def test_a_url_of_elsewhere_is_refused(datasource: ObjectStorageDatasource, url: str) -> None:
    with pytest.raises(ValidationFailedError, match="has only what begins with"):
        datasource.read_arrow(url).__enter__()


def test_a_table_is_written_as_parquet_and_read_back(
    harness: ObjectsHarness, writable: ObjectStorageDatasource
) -> None:
    table = pa.Table.from_pylist(ROWS)

    assert writable.write_arrow("out/t.parquet", table.to_reader()) == len(ROWS)

    assert pq.read_table(pa.BufferReader(harness.read("out/t.parquet"))).to_pylist() == ROWS
    for name in ("t.csv", "t.csv.gz"):
        assert writable.write_arrow(name, table.to_reader(), mode="replace") == len(ROWS)
        with writable.read_arrow(name) as reader:
            assert reader.read_all().to_pylist() == ROWS


def test_an_existing_object_is_replaced_only_when_that_is_asked_for(
    harness: ObjectsHarness, writable: ObjectStorageDatasource
) -> None:
    table = pa.table({"a": [1]})
    writable.write_arrow("t.parquet", table.to_reader())

    with pytest.raises(UnsupportedOperationError, match="cannot be appended to"):
        writable.write_arrow("t.parquet", table.to_reader())
    with pytest.raises(ConflictError, match="already"):
        writable.write_arrow("t.parquet", table.to_reader(), mode="error")
    assert writable.write_arrow("t.parquet", table.to_reader(), mode="replace") == 1
    with pytest.raises(ValidationFailedError, match="must end so"):
        writable.write_arrow("t.txt", table.to_reader())
    assert harness.stored_keys() == ["t.parquet"]


def test_a_table_that_breaks_off_leaves_no_object(
    harness: ObjectsHarness, writable: ObjectStorageDatasource
) -> None:
    schema = pa.schema([("a", pa.int64())])

    def batches() -> Any:
        yield pa.record_batch([[1]], schema=schema)
        raise UnavailableError("lost")

    with pytest.raises(UnavailableError, match="lost"):
        writable.write_arrow("t.parquet", pa.RecordBatchReader.from_batches(schema, batches()))

    assert harness.stored_keys() == []


def test_the_catalogue_shows_the_first_level(harness: ObjectsHarness) -> None:
    for key in ("a/1", "a/2", "top.csv"):
        harness.write(key)

    found = harness.open().catalog()

    assert [(entry["name"], entry["kind"]) for entry in found] == [
        *(("a/", "prefix"), ("top.csv", "object")),
    ]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_an_object_is_described_with_its_columns(harness: ObjectsHarness, form: str) -> None:
    harness.write(f"d/t.{form}", FORMATS[form])
    datasource = harness.open()

    described = datasource.describe(f"d/t.{form}")

    columns: Any = described["columns"]
    assert [column["name"] for column in columns] == ["id", "name", "amount"]
    assert described["kind"] == "object"
    assert described["size"] == len(FORMATS[form])
    assert json.loads(datasource.sample(f"d/t.{form}", limit=2)) == ROWS[:2]


def test_a_prefix_is_described_with_what_it_holds(harness: ObjectsHarness) -> None:
    for key in ("a/1", "a/b/2"):
        harness.write(key, b"four")
    datasource = harness.open()

    for name in ("a", "a/"):
        described = datasource.describe(name)
        assert (described["kind"], described["objects"], described["bytes"]) == ("prefix", 2, 8)
    with pytest.raises(NotFoundError, match="no object and no prefix") as caught:
        datasource.describe("a/2")
    assert caught.value.hint == "Did you mean 'a/1'?"
    with pytest.raises(UnsupportedOperationError, match="has no rows"):
        datasource.sample("a/1")


def test_a_test_says_what_holds(harness: ObjectsHarness) -> None:
    checks = {check.name: check for check in harness.open().test()}
    field = "container" if harness.type_name == "azure" else "bucket"
    wrong = harness.open(**{field: "nosuchbucket"}).test()

    assert checks["connection"].ok
    assert checks["operations"].ok
    assert not checks["encryption"].ok
    assert wrong[0].name == "connection"
    assert not wrong[0].ok


def test_no_secret_is_in_an_error_or_in_a_text_of_the_configuration(
    harness: ObjectsHarness,
) -> None:
    config = harness.config()
    secrets = config.secrets()
    datasource = harness.type.open(
        harness.config(endpoint="http://127.0.0.1:1/x", retries=0), name="files"
    )
    with pytest.raises(UnavailableError) as caught:
        datasource.get("k")
    datasource.close()

    texts = [repr(config), str(caught.value), str(caught.value.details), str(caught.value.hint)]
    assert secrets
    assert not [secret for secret in secrets for text in texts if secret in text]
    assert caught.value.__cause__ is None


def test_an_azure_key_that_is_wrong_is_refused(harness: ObjectsHarness) -> None:
    # moto asks nobody for credentials; tests of the guard have a server that refuses.
    if harness.type_name != "azure":
        return
    with pytest.raises(QueryError, match=r"AuthenticationFailed|AuthorizationFailure|403"):
        harness.open(account_key="d3Jvbmc=").list_objects()
