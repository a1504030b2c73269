"""JSON texts of Arrow's extension columns: UUIDs, stored JSON, DuckDB's types beyond Arrow's.

An extension that is not known here is written as its storage type.
"""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

import json
import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from analysis_sandbox.formats.arrow_scalars import (
    each,
    integer_texts,
    time_of_day,
)
from analysis_sandbox.values import encode

# Stored JSON is passed on as it is, unless something in it would not survive: characters beyond
# ASCII, integers that JavaScript rounds, huge exponents, keys that look like our tags, and what
# DuckDB accepts but JSON does not (a comma before a closing bracket, NaN, Infinity).
_NEEDS_PARSING = (
    r"[^\x20-\x7e\t\n\r]|[0-9]{16}|[eE]\+?[0-9]{3}|\\u[eE]000|,[ \t\n\r]*[\]}]"
    r'|(?:^|[^a-zA-Z"])-?(?i:nan|inf)'
)
_LENIENT = re.compile(
    r'("(?:[^"\\]|\\.)*")|-?\b(?:nan|inf(?:inity)?)\b|,(?=\s*[\]}])', re.IGNORECASE | re.DOTALL
)
_OFFSET_SECONDS = 57_599  # DuckDB stores a time's zone as this minus its offset from UTC.


def extension_texts(array: pa.ExtensionArray) -> pa.Array | None:
    """Return the JSON texts of an extension column, None when its storage type says it all."""
    kind = array.type
    name = kind.type_name if isinstance(kind, pa.OpaqueType) else kind.extension_name
    write = _WRITERS.get(name)
    return None if write is None else write(array.storage)


def _uuid_texts(storage: pa.Array) -> pa.Array:
    return each(storage, _uuid)


def _uuid(value: bytes) -> str:
    text = value.hex()
    return f'"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"'


def _boolean8_texts(storage: pa.Array) -> pa.Array:
    return storage.cast(pa.bool_()).cast(pa.string())


def _hugeint_texts(storage: pa.Array) -> pa.Array:
    """Read the 16 bytes as the decimal they also are, which Arrow can compare and print."""
    validity, data = storage.buffers()
    kind = pa.decimal128(38, 0)
    return integer_texts(
        pa.Array.from_buffers(kind, len(storage), [validity, data], offset=storage.offset)
    )


def _uhugeint_texts(storage: pa.Array) -> pa.Array:
    return each(storage, lambda value: encode(int.from_bytes(value, "little")))


def _bignum_texts(storage: pa.Array) -> pa.Array:
    return each(storage, lambda value: encode(_bignum(value)))


def _bignum(value: bytes) -> int:
    """Read a sign bit and a length in three bytes, then the magnitude; negatives are inverted."""
    if value[0] & 0x80:
        return int.from_bytes(value[3:], "big")
    return -int.from_bytes(bytes(byte ^ 0xFF for byte in value[3:]), "big")


def _bit_texts(storage: pa.Array) -> pa.Array:
    return each(storage, _bits)


def _bits(value: bytes) -> str:
    digits = f"{int.from_bytes(value[1:], 'big'):0{8 * (len(value) - 1)}b}"
    return f'"{digits[value[0] :]}"'


def _time_with_zone_texts(storage: pa.Array) -> pa.Array:
    return each(storage, _time_with_zone)


def _time_with_zone(value: bytes) -> str:
    packed = int.from_bytes(value, "little")
    offset = _OFFSET_SECONDS - (packed & 0xFFFFFF)
    zone = time_of_day(abs(offset), 1).removesuffix(":00")
    return f'"{time_of_day(packed >> 24, 1_000_000)}{"-" if offset < 0 else "+"}{zone}"'


def _json_texts(storage: pa.Array) -> pa.Array:
    storage = storage.cast(pa.string())
    doubtful = pc.match_substring_regex(storage, _NEEDS_PARSING)
    if not pc.any(doubtful).as_py():
        return storage
    parsed = [_reencoded(text) for text in storage.filter(doubtful).to_pylist()]
    mask = pc.fill_null(doubtful, fill_value=False)
    return pc.replace_with_mask(storage, mask, pa.array(parsed, pa.string()))


def _reencoded(text: str) -> str:
    try:
        return encode(json.loads(text))
    except ValueError:
        pass
    try:
        return encode(json.loads(_LENIENT.sub(_strict, text)))
    except ValueError:
        return encode(text)


def _strict(match: re.Match[str]) -> str:
    if match.group(1):
        return match.group(1)
    return "" if match.group() == "," else "null"


_WRITERS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "arrow.uuid": _uuid_texts,
    "arrow.bool8": _boolean8_texts,
    "arrow.json": _json_texts,
    "hugeint": _hugeint_texts,
    "uhugeint": _uhugeint_texts,
    "bignum": _bignum_texts,
    "bit": _bit_texts,
    "time_tz": _time_with_zone_texts,
}
