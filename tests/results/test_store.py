import gzip
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import pytest
import zstandard

from analysis_sandbox.errors import (
    NotFoundError,
    ResultTooLargeError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.results.store import ResultStore

MEGABYTE = 1 << 20
WHEN = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "results")


def _files(directory: Path) -> list[str]:
    return sorted(
        str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file()
    )


def test_a_result_is_stored_by_date_and_read_back(store: ResultStore, tmp_path: Path) -> None:
    run_id = str(uuid4())
    text = json.dumps({"city": "Köln", "rows": list(range(100))})

    stored = store.write(run_id, text, max_bytes=MEGABYTE, when=WHEN)

    assert stored.path == f"2026/11/21/{run_id}.json.zst"
    assert stored.size_bytes == len(text.encode("utf-8"))
    assert stored.preview == json.loads(text)
    assert store.read(stored.path) == text
    assert _files(tmp_path / "results") == [stored.path]


def test_the_date_is_the_one_in_utc(store: ResultStore) -> None:
    late = datetime(2026, 11, 21, 23, 30, tzinfo=timezone(-timedelta(hours=5)))

    assert store.write("run", "{}", max_bytes=10, when=late).path == "2026/11/22/run.json.zst"


def test_the_file_is_zstandard_with_its_size(store: ResultStore, tmp_path: Path) -> None:
    text = json.dumps({"rows": ["the same"] * 10_000})

    stored = store.write("run", text, max_bytes=MEGABYTE, when=WHEN)

    content = (tmp_path / "results" / stored.path).read_bytes()
    assert zstandard.get_frame_parameters(content).content_size == len(text)
    assert len(content) < len(text) / 20


def test_an_older_gzip_file_is_read_too(store: ResultStore, tmp_path: Path) -> None:
    file = tmp_path / "results" / "2024" / "run.json.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(b'{"old": true}'))

    assert store.read("2024/run.json.gz") == '{"old": true}'


def test_a_result_of_exactly_the_limit_is_stored(store: ResultStore) -> None:
    text = json.dumps({"x": "ä" * 100}, ensure_ascii=False)
    size = len(text.encode("utf-8"))

    assert store.write("run", text, max_bytes=size, when=WHEN).size_bytes == size


def test_a_byte_over_the_limit_is_refused_with_exact_figures(
    store: ResultStore, tmp_path: Path
) -> None:
    text = '"' + "x" * (10 * MEGABYTE - 1) + '"'

    with pytest.raises(ResultTooLargeError) as caught:
        store.write("run", text, max_bytes=10 * MEGABYTE, when=WHEN)

    assert str(caught.value) == (
        "Result size 10.1MB exceeds 10MB limit. Use DuckDB for large datasets."
    )
    assert caught.value.details == {"used": 10 * MEGABYTE + 1, "allowed": 10 * MEGABYTE}
    assert not (tmp_path / "results").exists()


def test_a_limit_of_half_a_megabyte_is_shown_as_such(store: ResultStore) -> None:
    with pytest.raises(ResultTooLargeError, match=r"Result size 2\.0MB exceeds 0\.5MB limit"):
        store.write("run", '"' + "x" * (2 * MEGABYTE - 2) + '"', max_bytes=MEGABYTE // 2, when=WHEN)


def test_a_second_write_of_a_run_replaces_the_first_whole(
    store: ResultStore, tmp_path: Path
) -> None:
    store.write("run", '{"attempt": 1}', max_bytes=100, when=WHEN)
    stored = store.write("run", '{"attempt": 2}', max_bytes=100, when=WHEN)

    assert store.read(stored.path) == '{"attempt": 2}'
    assert _files(tmp_path / "results") == [stored.path]


def test_many_results_at_once_are_all_stored(store: ResultStore, tmp_path: Path) -> None:
    def write(number: int) -> str:
        text = json.dumps({"number": number})
        return store.write(f"run-{number}", text, max_bytes=100, when=WHEN).path

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(write, range(50)))

    assert _files(tmp_path / "results") == sorted(paths)
    assert json.loads(store.read(paths[7])) == {"number": 7}


@pytest.mark.parametrize("run_id", ["", "../evil", "a/b", ".hidden", "nul\0", "x" * 200])
def test_a_run_id_that_is_no_file_name_is_refused(
    store: ResultStore, tmp_path: Path, run_id: str
) -> None:
    with pytest.raises(ValidationFailedError):
        store.write(run_id, "{}", max_bytes=10, when=WHEN)

    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "path",
    [
        "2026/11/21/missing.json.zst",
        "",
        ".",
        "2026",
        "../secret.json.gz",
        "2026/../../secret.json.gz",
        "/etc/passwd",
        "/etc/passwd.gz",
        "2026/nul\0.zst",
        "plain.json",
        "link/secret.json.gz",
    ],
)
def test_a_path_that_is_missing_or_leads_outside_is_not_found(
    store: ResultStore, tmp_path: Path, path: str
) -> None:
    secret = gzip.compress(b'"secret"')
    (tmp_path / "secret.json.gz").write_bytes(secret)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "2026").mkdir()
    (tmp_path / "results" / "plain.json").write_bytes(b"1")
    (tmp_path / "results" / "link").symlink_to(tmp_path)

    with pytest.raises(NotFoundError):
        store.read(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json.zst", b"no zstandard"),
        ("run.json.gz", b"no gzip"),
        ("run.json.gz", gzip.compress(b'"cut"')[:-4]),
        ("run.json.zst", zstandard.compress(b'"not utf-8 \xff"')),
    ],
)
def test_a_damaged_file_is_said_to_be_damaged(
    store: ResultStore, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / name).write_bytes(content)

    with pytest.raises(NotFoundError, match="is damaged"):
        store.read(name)


@pytest.fixture
def small_files() -> Generator[None]:
    """No file of this process may grow beyond 64 KiB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("small_files")
def test_a_result_that_does_not_fit_leaves_no_file(store: ResultStore, tmp_path: Path) -> None:
    text = json.dumps({"noise": os.urandom(200_000).hex()})

    with pytest.raises(UnavailableError, match="cannot be stored") as caught:
        store.write("run", text, max_bytes=MEGABYTE, when=WHEN)

    assert caught.value.transient
    assert _files(tmp_path / "results") == []


FULL_DISK = """
import json, os, sys
from datetime import UTC, datetime
from pathlib import Path
from analysis_sandbox.errors import UnavailableError
from analysis_sandbox.results.store import ResultStore
store, now = ResultStore(Path(sys.argv[1])), datetime.now(UTC)
text = json.dumps({"noise": os.urandom(200_000).hex()})
try:
    store.write("run", text, max_bytes=1 << 20, when=now)
except UnavailableError as error:
    print(error)
print([file.name for file in Path(sys.argv[1]).rglob("*") if file.is_file()])
"""


def test_a_full_disk_is_called_full_and_keeps_no_part(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=64k tmpfs "$0" 2>/dev/null || exit 77; exec "$@"'
    command = ["unshare", *(["-m"] if os.geteuid() == 0 else ["-rm"]), "sh", "-c", mount]
    command += [str(tmp_path), sys.executable, "-c", FULL_DISK, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if result.returncode in (1, 77) and not result.stdout:
        pytest.skip(f"a small disk cannot be mounted here: {result.stderr}")

    message, files = result.stdout.splitlines()
    assert message.startswith(f"The disk of {tmp_path} is full: a result of ")
    assert files == "[]"


def test_a_directory_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file is in the way", encoding="utf-8")

    with pytest.raises(UnavailableError, match="cannot be stored"):
        ResultStore(tmp_path / "results").write("run", "{}", max_bytes=10, when=WHEN)
