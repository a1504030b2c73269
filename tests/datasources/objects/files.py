"""Files in every packing and format, made anew for the tests."""
# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import openpyxl
import py7zr
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

ROWS: list[dict[str, Any]] = [{"id": n, "name": f"n{n}", "amount": n + 0.5} for n in range(1, 8)]
TEXT_ROWS = [{key: str(value) for key, value in row.items()} for row in ROWS]


def csv_file() -> bytes:
    lines = ["id,name,amount", *(f"{row['id']},{row['name']},{row['amount']}" for row in ROWS)]
    return "\n".join(lines).encode()


def json_file() -> bytes:
    return json.dumps(ROWS).encode()


def lines_file() -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in ROWS)


def parquet_file() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), sink, row_group_size=3)
    return sink.getvalue()


def excel_file() -> bytes:
    workbook = openpyxl.Workbook()
    first = workbook.active
    assert first is not None
    first.append(["nothing"])
    sheet = workbook.create_sheet("Sales")
    sheet.append(list(ROWS[0]))
    for row in ROWS:
        sheet.append(list(row.values()))
    sink = io.BytesIO()
    workbook.save(sink)
    return sink.getvalue()


FORMATS: Mapping[str, bytes] = {
    "csv": csv_file(),
    "json": json_file(),
    "excel": excel_file(),
    "parquet": parquet_file(),
}


def zipped(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def seven_zipped(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with py7zr.SevenZipFile(sink, "w") as archive:
        for name, data in files.items():
            archive.writef(io.BytesIO(data), name)
    return sink.getvalue()


ARCHIVES: Mapping[str, Any] = {"zip": zipped, "tar": tarred, "7z": seven_zipped}


def packed(data: bytes, how: str) -> bytes:
    """Return data compressed, or as the only file of an archive."""
    if how in ARCHIVES:
        return ARCHIVES[how]({"file": data})
    if how == "tar.gz":
        return gzip.compress(tarred({"file": data}))
    compress: dict[str, Any] = {
        "gzip": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zstd": zstandard.ZstdCompressor().compress,
    }
    return compress[how](data)
