"""What is compressed comes back, and nothing that comes back is larger than it may be."""

import gzip
import os
import zlib

import pytest

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.formats.compression import FORMATS, compress, decompress

_MAX = 8 << 20
_SAMPLES = (b"", b"x", "ünï".encode() * 1000, os.urandom(300_000), b"0" * 5_000_000)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_compressed_comes_back(form: str) -> None:
    for sample in _SAMPLES:
        assert decompress(compress(sample, form), form, max_bytes=_MAX) == sample


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_data_gives_the_same_bytes(form: str) -> None:
    assert compress(_SAMPLES[2], form) == compress(_SAMPLES[2], form)


@pytest.mark.parametrize("form", FORMATS)
def test_a_bomb_is_refused_with_figures(form: str) -> None:
    bomb = compress(b"0" * 100_000_000, form)

    with pytest.raises(LimitExceededError, match="8 MB are allowed") as caught:
        decompress(bomb, form, max_bytes=_MAX)

    assert caught.value.details["limit_bytes"] == _MAX
    # One piece beyond the limit, not the whole of it.
    size = caught.value.details["bytes_at_least"]
    assert isinstance(size, int)
    assert _MAX < size < 3 * _MAX


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_cut_short_or_foreign_is_refused(form: str) -> None:
    whole = compress(os.urandom(50_000), form)

    for damaged in (whole[:-1], whole[: len(whole) // 2], b"", b"no such stream"):
        with pytest.raises(ValidationFailedError, match=f"not a whole {form} stream"):
            decompress(damaged, form, max_bytes=_MAX)


@pytest.mark.parametrize("form", ["gzip", "zstd", "deflate", "bz2"])
def test_members_one_after_the_other_are_one_text(form: str) -> None:
    both = compress(b"first ", form) + compress(b"second", form)

    assert decompress(both, form, max_bytes=_MAX) == b"first second"


def test_gzip_of_others_is_read_with_its_padding() -> None:
    assert decompress(gzip.compress(b"a") + b"\0" * 64, "gzip", max_bytes=_MAX) == b"a"
    with pytest.raises(ValidationFailedError):
        decompress(gzip.compress(b"a") + b"rest", "gzip", max_bytes=_MAX)


def test_deflate_is_read_with_and_without_its_header() -> None:
    raw = zlib.compressobj(wbits=-15)

    assert decompress(zlib.compress(b"a"), "deflate", max_bytes=_MAX) == b"a"
    assert decompress(raw.compress(b"a") + raw.flush(), "deflate", max_bytes=_MAX) == b"a"


def test_an_unknown_format_is_told_with_those_there_are() -> None:
    with pytest.raises(ValidationFailedError, match="gzip, brotli, zstd, deflate, bz2"):
        compress(b"", "zip")
