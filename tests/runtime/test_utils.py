"""ctx.utils as a script calls it."""

import base64
import hashlib
import io
from typing import Any

import openpyxl
import pytest

from analysis_sandbox.errors import (
    LimitExceededError,
    NotFoundError,
    ScriptError,
    ValidationFailedError,
)
from tests.runtime.conftest import Failure, Value

FORMATS = ["gzip", "brotli", "zstd", "deflate", "bz2"]


@pytest.mark.parametrize("form", FORMATS)
def test_text_bytes_and_values_come_back_as_what_is_asked_for(form: str, value: Value) -> None:
    got = value(
        """const { compress, decompress } = ctx.utils; const f = params.form;
        const bytes = compress("häl\U0001f600".repeat(1000), f);
        return {
          isBuffer: Buffer.isBuffer(bytes), smaller: bytes.length < 3000,
          text: decompress(bytes, f, "text").length, buffer: `${decompress(bytes, f)}`.length,
          bytes: [...decompress(compress(new Uint8Array([0, 255, 7]), f), f)],
          view: decompress(compress(new Uint16Array([1, 2]), f), f).length,
          json: decompress(compress({ a: [1, null, "x"] }, f), f, "json"),
          parsed: JSON.parse(decompress(compress([1], f), f)),
        };""",
        parameters={"form": form},
    )

    assert got == {
        "isBuffer": True,
        "smaller": True,
        "text": 5000,
        "buffer": 5000,
        "bytes": [0, 255, 7],
        "view": 4,
        "json": {"a": [1, None, "x"]},
        "parsed": [1],
    }


def test_a_bomb_ends_with_the_figures_on_its_line(failure: Failure) -> None:
    error = failure(
        """const part = ctx.utils.compress(new Uint8Array(3_000_000), "gzip");
        const bomb = Buffer.concat(Array(30).fill(part));
        return { size: ctx.utils.decompress(bomb, "gzip").length };""",
        limits={"frame_mb": 8},
    )

    assert isinstance(error, LimitExceededError)
    assert "8 MB are allowed" in error.message
    assert error.details["line"] == 4


def test_what_is_no_text_is_not_made_into_text(failure: Failure) -> None:
    code = "ctx.utils.decompress(ctx.utils.compress(new Uint8Array([255]), 'gzip'), 'gzip', 'text')"
    error = failure(f"{code}; return {{}};")

    assert isinstance(error, ValidationFailedError)
    assert "byte 1 is 0xff" in error.message


@pytest.mark.parametrize("algorithm", ["sha256", "md5", "sha512", "sha1"])
def test_hashes_are_those_of_everybody(algorithm: str, value: Value) -> None:
    got = value(
        """const { hash } = ctx.utils; const a = params.algorithm;
        return { text: hash("häl", a), bytes: hash(new Uint8Array([0, 1]), a),
                 json: hash({ b: 1, a: [2] }, a), usual: hash("x") };""",
        parameters={"algorithm": algorithm},
    )

    def digest(data: bytes) -> str:
        return hashlib.new(algorithm, data).hexdigest()

    assert got == {
        "text": digest("häl".encode()),
        "bytes": digest(b"\0\1"),
        "json": digest(b'{"b":1,"a":[2]}'),
        "usual": hashlib.sha256(b"x").hexdigest(),
    }


def test_csv_is_parsed_from_text_and_from_bytes(value: Value) -> None:
    got = value(
        """const { parseCSV, compress, decompress } = ctx.utils;
        const text = 'id;name\\r\\n1;"Anna; B."\\r\\n2;Ünal\\r\\n';
        return {
          text: parseCSV(text), typed: parseCSV(text, { types: true })[0].id,
          arrays: parseCSV(text, { headers: false })[0],
          bytes: parseCSV(decompress(compress(text, "zstd"), "zstd"))[1].name,
          latin: parseCSV(new Uint8Array([97, 10, 228]), { encoding: "latin1" }),
          odd: Object.keys(parseCSV("__proto__,\\ue000bytes\\n1,2")[0]),
        };"""
    )

    assert got == {
        "text": [{"id": "1", "name": "Anna; B."}, {"id": "2", "name": "Ünal"}],
        "typed": 1,
        "arrays": ["id", "name"],
        "bytes": "Ünal",
        "latin": [{"a": "ä"}],
        "odd": ["__proto__", "\ue000bytes"],
    }


def test_a_workbook_is_parsed_sheet_by_sheet(value: Value, failure: Failure) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["city", "sales"])
    sheet.append(["Köln", 12.5])
    book.create_sheet("Notes")["A1"] = "note"
    file = io.BytesIO()
    book.save(file)
    parameters = {"data": base64.b64encode(file.getvalue()).decode("ascii")}
    code = """const data = Buffer.from(params.data, "base64"); const { parseExcel } = ctx.utils;
        return { first: parseExcel(data), named: parseExcel(data, "Notes"),
                 second: parseExcel(data, 1) };"""

    assert value(code, parameters=parameters) == {
        "first": [["city", "sales"], ["Köln", 12.5]],
        "named": [["note"]],
        "second": [["note"]],
    }
    error = failure(code.replace('"Notes"', '"notes"'), parameters=parameters)
    assert isinstance(error, NotFoundError)
    assert "there are Sheet, Notes. Did you mean 'Notes'?" in error.message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("compress(undefined)", "needs bytes, text or a JSON value"),
        ("compress(() => 1)", "needs bytes, text or a JSON value"),
        ("compress('x', 'zip')", "gzip, brotli, zstd, deflate, bz2"),
        ("compress('x', 5)", "gzip, brotli, zstd, deflate, bz2"),
        ("decompress('text', 'gzip')", "needs bytes, such as a Buffer, not text"),
        ("decompress(new Uint8Array(9), 'gzip')", "not a whole gzip stream"),
        ("decompress(new Uint8Array(9), 'gzip', 'string')", '"bytes", "text" or "json"'),
        ("hash('x', 'crc32')", "sha256, sha512, sha1, md5"),
        ("hash()", "needs bytes, text or a JSON value"),
        ("parseCSV({})", "needs bytes, such as a Buffer"),
        ("parseCSV('a', 5)", "parseCSV: "),
        ("parseCSV('a', { header: true })", "there is no such option"),
        ("parseExcel('text')", "needs bytes, such as a Buffer"),
        ("parseExcel(new Uint8Array(9))", "not a workbook"),
        ("parseExcel(new Uint8Array(9), {})", "its name or its position"),
    ],
)
def test_wrong_arguments_are_told_on_their_line(call: str, message: str, failure: Failure) -> None:
    error = failure(f"\nctx.utils.{call}; return {{}};")

    assert isinstance(error, ScriptError | ValidationFailedError)
    assert message in error.message
    assert error.facts()["line"] == 3


def test_a_script_may_use_them_while_its_definition_is_read(value: Value) -> None:
    code = (
        "const text = new Intl.NumberFormat('de').format(1234.5); export default { title: text };"
    )

    got = value(code, entry="describe")

    assert got["value"]["title"] == "1.234,5"


def test_a_script_that_breaks_the_language_breaks_only_itself(value: Value) -> None:
    got = value(
        """const { compress, decompress, parseCSV, hash } = ctx.utils;
        const iterator = Array.prototype[Symbol.iterator];
        Array.prototype[Symbol.iterator] = String.prototype.charCodeAt = JSON.stringify = null;
        String.prototype.slice = Object.keys = Array.isArray = Uint8Array.prototype.toBase64 = null;
        const text = decompress(compress("text"), "gzip", "text"), rows = parseCSV("a\\n1");
        const digest = hash("x");
        let code; try { ctx.datasource.nope } catch (error) { code = error.code }
        Array.prototype[Symbol.iterator] = iterator;
        return { text, rows, digest: digest.length, code };"""
    )

    assert got == {"text": "text", "rows": [{"a": "1"}], "digest": 64, "code": "NOT_FOUND"}
