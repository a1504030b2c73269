"""A large file needs no more memory than a small one. Each is read by a process of its own."""

import json
import subprocess
import sys

import pytest

MEBIBYTE = 1 << 20
# What is read ahead, and what the allocators keep.
MOST_GROWTH = 120 * MEBIBYTE

READER = """
import json, resource, sys, zlib
from analysis_sandbox.formats.streams.chunks import StreamLimits
from analysis_sandbox.formats.streams.options import read_options
from analysis_sandbox.formats.streams.reading import read_chunks

form, total = sys.argv[1], int(sys.argv[2])
LINES = {
    "csv": [f"{n},name{n * 7919 % 99991},{n / 7:.3f},city {n % 97}\\n" for n in range(20_000)],
    "json": [json.dumps({"id": n, "name": f"n{n * 7919 % 99991}"}) + "\\n" for n in range(20_000)],
}

class Source:
    name, size = "made", total

    def plain(self):
        if form == "csv":
            yield b"id,name,amount,city\\n"
        block, given = "".join(LINES[form]).encode(), 0
        while given < total:
            yield block
            given += len(block)

    def chunks(self):
        compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
        for block in self.plain():
            yield compressor.compress(block)
        yield compressor.flush()

    def read_range(self, start, length):
        raise NotImplementedError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

options = read_options({"decompress": "gzip", "format": form})
before, rows = peak(), 0
for chunk in read_chunks(Source(), options, StreamLimits()):
    rows += chunk.count("{")
print(json.dumps({"rows": rows, "growth": peak() - before}))
"""


def read(form: str, size: int) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", READER, form, str(size)],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_memory_does_not_grow_with_the_file(form: str) -> None:
    told = read(form, 100 * MEBIBYTE)

    assert told["rows"] > 1_000_000
    assert told["growth"] < MOST_GROWTH


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("form", ["csv", "json"])
def test_memory_does_not_grow_with_a_gigabyte(form: str) -> None:
    told = read(form, 1024 * MEBIBYTE)

    assert told["rows"] > 10_000_000
    assert told["growth"] < MOST_GROWTH
