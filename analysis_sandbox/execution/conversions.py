"""What `ctx.utils` computes in the host: pure functions, with the run's frame as their bound."""

import hashlib
import json
from collections.abc import Callable, Mapping

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.compression import compress, decompress
from analysis_sandbox.formats.delimited import parse_delimited, read_options
from analysis_sandbox.formats.spreadsheet import parse_spreadsheet
from analysis_sandbox.limits import Limits
from analysis_sandbox.values import TAG, EncodedJSON, encode

_HASHES = ("sha256", "sha512", "sha1", "md5")


def utils_functions(limits: Limits) -> Mapping[str, Callable[..., object]]:
    """Return the host functions of `ctx.utils` by name."""
    max_bytes = limits.frame_mb << 20

    def decompressed(data: object, form: str, is_text: object) -> bytes | str:
        found = decompress(_bytes(data, "decompress"), form, max_bytes=max_bytes)
        return _decoded(found) if is_text else found

    def spreadsheet(data: object, sheet: object = None) -> EncodedJSON:
        if sheet is not None and (isinstance(sheet, bool) or not isinstance(sheet, str | int)):
            raise ValidationFailedError("parseExcel: a sheet is its name or its position from 0")
        return parse_spreadsheet(_bytes(data, "parseExcel"), sheet, max_bytes=max_bytes)

    return {
        "utils.compress": _compress,
        "utils.decompress": decompressed,
        "utils.hash": _hash,
        "utils.parseCSV": _parse_csv,
        "utils.parseExcel": spreadsheet,
    }


def _compress(data: object, form: str) -> bytes:
    return compress(_content(data, "compress"), form)


def _hash(data: object, algorithm: object) -> str:
    if algorithm not in _HASHES:
        raise ValidationFailedError(
            f"There is no hash {algorithm!r}: it is one of {', '.join(_HASHES)}"
        )
    # Checksums of foreign systems are asked for too; nothing here is secured by them.
    return hashlib.new(str(algorithm), _content(data, "hash"), usedforsecurity=False).hexdigest()


def _parse_csv(data: object, options: object = None) -> EncodedJSON:
    if not isinstance(data, str | bytes):
        raise ValidationFailedError("parseCSV needs text or bytes")
    rows = parse_delimited(data, read_options(options))
    if rows and isinstance(rows[0], dict) and any(name.startswith(TAG) for name in rows[0]):
        return EncodedJSON(encode(rows))
    # Text, exact numbers and booleans only: no need to look at each of them again.
    return EncodedJSON(json.dumps(rows, separators=(",", ":"), allow_nan=False))


def _content(data: object, name: str) -> bytes:
    return data.encode("utf-8", "replace") if isinstance(data, str) else _bytes(data, name)


def _bytes(data: object, name: str) -> bytes:
    if isinstance(data, bytes):
        return data
    raise ValidationFailedError(f"{name} needs bytes")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationFailedError(
            f"decompress: the content is not UTF-8 text: byte {error.start + 1} is "
            f"0x{data[error.start]:02x}. Ask for bytes"
        ) from None
