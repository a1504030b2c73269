"""Large files in every form: what comes out, and what is refused before it does harm."""
# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Generator
from typing import Any

import pytest

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    LimitExceededError,
    NotFoundError,
    ValidationFailedError,
)
from analysis_sandbox.formats.streams.chunks import ChunkFile, StreamLimits
from analysis_sandbox.formats.streams.decompression import COMPRESSIONS
from analysis_sandbox.formats.streams.options import read_options
from analysis_sandbox.formats.streams.reading import read_chunks
from analysis_sandbox.values import EncodedJSON, decode
from tests.datasources.objects.files import (
    ARCHIVES,
    FORMATS,
    ROWS,
    TEXT_ROWS,
    packed,
    seven_zipped,
    tarred,
    zipped,
)

CSV = b"a,b\n1,x\n2,y\n"
CSV_ROWS = [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]
FILES = {"d/a.csv": CSV, "d/b.csv": b"a,b\n3,z\n", "readme.txt": b"hello"}
MEBIBYTE = 1 << 20


class Bytes:
    """A source in memory; counts what was read of it."""

    def __init__(self, data: bytes, *, piece: int = 1000) -> None:
        self.data = data
        self.name = "key"
        self.size = len(data)
        self.piece = piece
        self.read = 0
        self.closed = False

    def chunks(self) -> Generator[bytes, None, None]:
        try:
            for start in range(0, self.size, self.piece):
                chunk = self.data[start : start + self.piece]
                self.read += len(chunk)
                yield chunk
        finally:
            self.closed = True

    def read_range(self, start: int, length: int) -> bytes:
        self.read += length
        return self.data[start : start + length]


def rows(data: bytes, *, limits: StreamLimits | None = None, **options: Any) -> list[Any]:
    found: list[Any] = []
    for chunk in read_chunks(Bytes(data), read_options(options), limits or StreamLimits()):
        assert isinstance(chunk, EncodedJSON)
        json.loads(chunk)
        found += decode(chunk)
    return found


def content(data: bytes, *, limits: StreamLimits | None = None, **options: Any) -> bytes:
    chunks = read_chunks(Bytes(data), read_options(options), limits or StreamLimits())
    return b"".join(chunk for chunk in chunks if isinstance(chunk, bytes))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("packing", ["gzip", "bz2", "xz", "zstd", "zip", "tar", "7z", "tar.gz"])
@pytest.mark.parametrize("piece", [7, 100_000])
def test_every_format_comes_out_of_every_packing(form: str, packing: str, piece: int) -> None:
    source = Bytes(packed(FORMATS[form], packing), piece=piece)
    options: dict[str, Any] = {"format": form, "decompress": packing, "sheet": "Sales"}

    chunks = list(read_chunks(source, read_options(options), StreamLimits()))

    found = [row for chunk in chunks for row in decode(str(chunk))]
    assert found == (TEXT_ROWS if form == "csv" else ROWS)
    assert source.closed


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("gz", ("gzip",)),
        ("tgz", ("gzip", "tar")),
        ("tar.zst", ("zstd", "tar")),
        ("gz.zip", ("zip", "gzip")),
        (["zip", "tar.gz"], ("zip", "gzip", "tar")),
        (None, ()),
    ],
)
def test_steps_are_named_as_extensions_are(name: object, steps: tuple[str, ...]) -> None:
    assert read_options({"decompress": name}).decompress == steps


@pytest.mark.parametrize("kind", ARCHIVES)
def test_members_are_chosen_by_name_or_pattern(kind: str) -> None:
    data = ARCHIVES[kind](FILES)

    assert content(data, decompress=kind, member="readme.txt") == b"hello"
    assert content(data, decompress=kind, member="/d/b.csv") == FILES["d/b.csv"]
    found = rows(data, decompress=kind, member="*.csv", format="csv")
    assert found == [*CSV_ROWS, {"a": "3", "b": "z"}]
    assert rows(data, decompress=kind, member="d/a*", format="csv") == CSV_ROWS


@pytest.mark.parametrize("kind", ARCHIVES)
def test_of_several_files_one_must_be_named(kind: str) -> None:
    with pytest.raises(ValidationFailedError, match=r"more than one file \(d/a.csv, d/b.csv"):
        content(ARCHIVES[kind](FILES), decompress=kind)
    with pytest.raises(NotFoundError, match=r"no file 'nope'; there are: d/a.csv"):
        content(ARCHIVES[kind](FILES), decompress=kind, member="nope")
    with pytest.raises((NotFoundError, ValidationFailedError), match=r"no file|not a whole"):
        content(ARCHIVES[kind]({}), decompress=kind)


def test_what_macos_leaves_in_archives_is_passed_over() -> None:
    files = {"__MACOSX/._t.csv": b"?", "._t.csv": b"?", ".DS_Store": b"?", "t.csv": CSV}

    assert rows(zipped(files), decompress="zip", format="csv") == CSV_ROWS


def test_archives_within_archives_are_read() -> None:
    inner = zipped({"x.csv.gz": gzip.compress(CSV), "other": b""})
    data = gzip.compress(tarred({"a.txt": b"", "in/inner.zip": inner}))
    steps = ["tar.gz", "zip", "gzip"]

    chosen: Any = {"decompress": steps, "member": ["*.zip", "x.csv.gz"], "format": "csv"}
    assert rows(data, **chosen) == CSV_ROWS
    with pytest.raises(ValidationFailedError, match="not a whole zip archive"):
        # A single name is for the innermost archive; of the tar, its first file is taken.
        rows(data, decompress=steps, member="x.csv.gz", format="csv")


def test_a_named_member_ends_the_reading() -> None:
    source = Bytes(tarred({"first": CSV, "rest": bytes(5 * MEBIBYTE)}))
    options = read_options({"decompress": "tar", "member": "first"})

    assert b"".join(map(bytes, read_chunks(source, options, StreamLimits()))) == CSV  # pyright: ignore[reportArgumentType]
    assert source.read < MEBIBYTE
    assert source.closed


@pytest.mark.parametrize("kind", [*ARCHIVES, "gzip", "bz2", "xz", "zstd"])
@pytest.mark.parametrize("damage", ["cut", "foreign", "empty"])
def test_what_is_damaged_is_refused(kind: str, damage: str) -> None:
    data = packed(bytes(range(256)) * 400, kind)
    damaged = {"cut": data[: len(data) // 2], "foreign": b"no such thing" * 99, "empty": b""}

    with pytest.raises(ValidationFailedError, match=f"key: .*not a whole {kind}"):
        content(damaged[damage], decompress=kind, member=None)


def test_a_zip_that_cannot_be_read_as_it_arrives_is_told() -> None:
    class Unseekable(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any, /) -> int:
            self.data += data
            return len(data)

    sink = Unseekable()
    with (
        zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive,
        archive.open("stored.txt", "w") as member,
    ):
        member.write(b"hello")

    with pytest.raises(ValidationFailedError, match="pack it anew"):
        content(bytes(sink.data), decompress="zip")


def test_an_encrypted_archive_is_told() -> None:
    import py7zr

    sink = io.BytesIO()
    with py7zr.SevenZipFile(sink, "w", password="x") as archive:
        archive.writef(io.BytesIO(b"a"), "a")

    with pytest.raises(ValidationFailedError, match="encrypted"):
        content(sink.getvalue(), decompress="7z")


BOMB = bytes(70 * MEBIBYTE)


@pytest.mark.parametrize("kind", ["gzip", "bz2", "xz", "zstd", "zip", "7z", "tar.gz"])
def test_a_bomb_is_refused_by_its_ratio(kind: str) -> None:
    with pytest.raises(LimitExceededError, match="to 1; 500 to 1 is allowed"):
        content(packed(BOMB, kind), decompress=kind)


@pytest.mark.parametrize("kind", ["gzip", "bz2", "xz", "zstd", "zip", "7z", "tar.gz"])
def test_what_unpacks_to_too_much_is_refused(kind: str) -> None:
    limits = StreamLimits(unpacked_bytes=MEBIBYTE)
    source = Bytes(packed(bytes(3 * MEBIBYTE), kind))

    with pytest.raises(LimitExceededError, match="more than the 1 MB that are allowed"):
        list(read_chunks(source, read_options({"decompress": kind}), limits))
    assert source.closed


def test_a_bomb_in_a_bomb_is_refused() -> None:
    inner = gzip.compress(BOMB)
    data = gzip.compress(inner)

    with pytest.raises(LimitExceededError, match="to 1"):
        content(data, decompress=["gzip", "gzip"])
    with pytest.raises(LimitExceededError, match="to 1"):
        content(zipped({"unwanted": BOMB, "wanted": b"x"}), decompress="zip", member="wanted")


def test_a_huge_header_of_a_tar_is_refused() -> None:
    info = tarfile.TarInfo("x")
    info.type = tarfile.GNUTYPE_LONGNAME
    info.size = 1 << 40

    with pytest.raises(LimitExceededError, match="a header of the tar archive"):
        content(info.tobuf(tarfile.GNU_FORMAT), decompress="tar")


def test_links_and_devices_in_a_tar_are_no_files() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, kind in (("link", tarfile.SYMTYPE), ("dev", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)

    with pytest.raises(NotFoundError, match="no file"):
        content(sink.getvalue(), decompress="tar")


def test_what_needs_a_temporary_file_is_bounded() -> None:
    limits = StreamLimits(temporary_bytes=1000)

    for data, options in (
        (seven_zipped({"a": bytes(range(256)) * 40}), {"decompress": "7z"}),
        (gzip.compress(FORMATS["parquet"]), {"decompress": "gzip", "format": "parquet"}),
    ):
        with pytest.raises(LimitExceededError, match="temporary file"):
            list(read_chunks(Bytes(data), read_options(options), limits))


def test_a_workbook_is_bounded() -> None:
    with pytest.raises(LimitExceededError, match="a workbook is read as a whole"):
        rows(FORMATS["excel"], format="excel", limits=StreamLimits(workbook_bytes=1000))


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_record_without_end_is_refused(form: str) -> None:
    data = {"csv": b'a\n"' + b"x" * 300_000, "json": b'[{"a": "' + b"x" * 300_000}

    with pytest.raises(LimitExceededError, match="one record has more than"):
        rows(data[form], format=form, limits=StreamLimits(record_bytes=100_000))


def test_records_larger_together_than_one_may_be_are_read() -> None:
    data = b"a\n" + (b"x" * 9_000 + b"\n") * 100

    limits = StreamLimits(record_bytes=100_000)
    assert len(rows(data, format="csv", limits=limits, batchSize=100_000)) == 100


def test_chunks_have_few_rows_where_rows_are_large() -> None:
    data = b"a\n" + (b"x" * MEBIBYTE + b"\n") * 12

    chunks = list(read_chunks(Bytes(data), read_options({"format": "csv"}), StreamLimits()))

    assert len(chunks) > 1
    assert max(len(str(chunk)) for chunk in chunks) < 8 * MEBIBYTE


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b'[{"a": 1}, {"a": 2.5}]', [{"a": 1}, {"a": 2.5}]),
        (b'{"a": 1}\n\n{"a": null}\n', [{"a": 1}, {"a": None}]),
        (b'{\n "a": [1]\n}\n{\n "a": {}}', [{"a": [1]}, {"a": {}}]),
        (b"  [1, [2], true]", [1, [2], True]),
        (b"", []),
        (b"[]", []),
        (b'{"a": 12345678901234567890}', [{"a": "12345678901234567890"}]),
        (b'[{"a": 1234567890123456789}]', [{"a": "1234567890123456789"}]),
        ('\ufeff["ä"]'.encode(), ["ä"]),
        ('[{"a": "ä"}]'.encode("utf-16"), [{"a": "ä"}]),
        (b'[{"\xee\x80\x80bytes": "x"}]', [{"\ue000bytes": "x"}]),
    ],
)
def test_json_is_read_as_array_or_lines(text: bytes, found: list[Any]) -> None:
    assert rows(text, format="json") == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'[{"a": 1},', "ends in the middle"),
        (b'{"a": 1}\nnope\n', "line 2 is not JSON"),
        (b"[1 2]", "not JSON"),
        (b'{"a": 1}\n{"a": NaN}\n', "NaN is no JSON value"),
        (b"[123456789012345678901234567890]", "more than 64 bits"),
        (b'["\xff"]', "not JSON"),
    ],
)
def test_what_is_not_json_is_told_with_its_place(text: bytes, message: str) -> None:
    with pytest.raises(ValidationFailedError, match=message):
        rows(text, format="json")


def test_an_array_within_json_is_found_by_its_path() -> None:
    text = b'{"meta": {"n": 1}, "data": {"items": [{"a": 1}, {"a": 2}]}}'

    assert rows(text, format="json", path="data.items") == [{"a": 1}, {"a": 2}]
    with pytest.raises(NotFoundError, match=r"no array at 'data.rows'"):
        rows(text, format="json", path="data.rows")


def test_columns_are_picked_and_missing_ones_told() -> None:
    assert rows(CSV, format="csv", columns=["b"]) == [{"b": "x"}, {"b": "y"}]
    assert rows(FORMATS["json"], format="json", columns=["id"])[0] == {"id": 1}
    picked = rows(FORMATS["excel"], format="excel", sheet="Sales", columns=["name"])
    assert picked[0] == {"name": "n1"}
    for form in FORMATS:
        with pytest.raises(ValidationFailedError, match="there is no column nope; there are"):
            rows(FORMATS[form], format=form, columns=["nope"])


def test_only_the_wanted_columns_of_parquet_are_read() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    wide = [bytes(str(number), "ascii") * 5000 for number in range(2000)]
    table = pa.table({"narrow": list(range(2000)), "wide": wide})
    pq.write_table(table, sink, compression="none", use_dictionary=False)
    source = Bytes(sink.getvalue())

    options = read_options({"format": "parquet", "columns": ["narrow"]})
    chunks = read_chunks(source, options, StreamLimits())
    found = [row for chunk in chunks for row in decode(str(chunk))]

    assert [row["narrow"] for row in found] == list(range(2000))
    assert source.read < source.size / 10


def test_csv_is_read_in_the_encoding_and_with_the_marks_that_are_named() -> None:
    text = "a;b\nä;'x;y'\n"

    assert rows(text.encode("windows-1252"), format="csv", encoding="windows-1252", quote="'") == [
        {"a": "ä", "b": "x;y"}
    ]
    assert rows(text.encode("utf-16"), format="csv", quote="'")[0]["a"] == "ä"
    assert rows(b"1,2\n", format="csv", headers=["x", "y"], types=True) == [{"x": 1, "y": 2}]
    assert rows(b"t\n1,2\n", format="csv", headers=False, skipRows=1) == [["1", "2"]]
    with pytest.raises(ValidationFailedError, match="soon after line 1 the text is not utf-8"):
        rows("a\nä".encode("latin-1"), format="csv")
    with pytest.raises(ValidationFailedError, match="key: line 3 has 1 fields"):
        rows(b"a,b\n1,2\n3\n", format="csv")


def test_a_sheet_is_chosen_and_its_cells_keep_their_types() -> None:
    assert rows(FORMATS["excel"], format="xlsx", sheet=1) == ROWS
    assert rows(FORMATS["excel"], format="excel") == []
    assert rows(FORMATS["excel"], format="excel", sheet="Sales", headers=False, skipRows=7) == [
        list(ROWS[-1].values())
    ]
    with pytest.raises(NotFoundError, match=r"key: there is no sheet 'Sale'.*Did you mean 'Sales'"):
        rows(FORMATS["excel"], format="excel", sheet="Sale")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fromat": "csv"}, "fromat: there is no such option"),
        ({"format": "xml"}, "format"),
        ({"decompress": "rar"}, "there is no 'rar'"),
        ({"decompress": 7}, "decompress"),
        ({"decompress": ["gzip"] * 5}, "more than 4 steps"),
        ({"member": "x"}, "names no archive"),
        ({"decompress": ["tar", "zip"], "member": ["a", "b", "c"]}, "3 names for 2 archives"),
        ({"batchSize": 0}, "batchSize"),
        ({"batchSize": 100_001}, "batchSize"),
        ({"columns": []}, "columns"),
        ({"delimiter": "ab"}, "delimiter"),
        ("csv", "valid dictionary"),
    ],
)
def test_wrong_options_are_told(options: object, message: str) -> None:
    with pytest.raises(ValidationFailedError, match=f"stream: .*{message}"):
        read_options(options)


def test_nothing_is_read_before_the_first_chunk_and_after_the_end() -> None:
    source = Bytes(b"a\n" + b"1\n" * 1_000_000, piece=100_000)
    chunks = read_chunks(source, read_options({"format": "csv", "batchSize": 1}), StreamLimits())
    assert source.read == 0

    next(chunks)
    assert source.read <= 200_000
    chunks.close()

    assert source.closed
    assert next(chunks, None) is None


@pytest.mark.parametrize("seed", range(200))
def test_damaged_files_give_errors_of_ours_only(seed: int) -> None:
    """Each packing and format with some bytes changed: an error of ours, or other rows."""
    import random

    chance = random.Random(seed)
    packing = chance.choice(["gzip", "bz2", "xz", "zstd", "zip", "tar", "7z"])
    form = chance.choice(["csv", "json", "parquet"])
    inside = chance.random() < 0.5
    data = bytearray(FORMATS[form] if inside else packed(FORMATS[form], packing))
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    damaged = packed(bytes(data), packing) if inside else bytes(data)

    try:
        rows(damaged, format=form, decompress=packing)
    except AnalysisSandboxError as error:
        message = error.message
    else:
        return
    assert message.startswith("key: ")


def test_every_compression_can_be_named() -> None:
    for name in COMPRESSIONS:
        assert read_options({"decompress": name}).decompress == (name,)


def test_a_file_of_chunks_gives_lines_and_pieces() -> None:
    file = ChunkFile([b"ab", b"", b"c\nde", b"f"])

    assert file.peek() == b"ab"
    assert file.read_line() == b"abc\n"
    assert file.read(2) == b"de"
    assert file.read_line() == b"f"
    assert file.read() == b""


def test_members_of_compressions_one_after_the_other_are_one_text() -> None:
    for data, name in (
        (gzip.compress(b"a") + gzip.compress(b"b"), "gzip"),
        (bz2.compress(b"a") + bz2.compress(b"b"), "bz2"),
        (lzma.compress(b"a") + lzma.compress(b"b"), "xz"),
    ):
        assert content(data, decompress=name) == b"ab"
