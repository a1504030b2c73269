"""A warehouse on a small disk of its own, in a mount namespace of its own: HOME."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.settings import Settings, load_settings
from analysis_sandbox.warehouse.client import Warehouse, WarehouseSession
from analysis_sandbox.warehouse.starter import connect_running

_ROW = "INSERT INTO acks SELECT {n}, repeat('x{n}', 4000)"
_LARGE = "CREATE TABLE large AS SELECT hash(range) AS h FROM range(4000000)"


def main() -> None:
    settings = load_settings(Path(sys.argv[1]))
    directory = settings.warehouse_directory("default")
    directory.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", "size=8m", "disk", str(directory))
    with Warehouse(settings, "default").session(memory_mb=64) as session:
        try:
            facts = scenario(session, directory)
        finally:
            end(settings)
    sys.stdout.write(json.dumps(facts))


def scenario(session: WarehouseSession, directory: Path) -> dict[str, object]:
    session.execute("CREATE TABLE acks (n INTEGER, t VARCHAR)")
    acknowledged: list[int] = []
    errors: list[dict[str, object]] = []
    for n in range(100_000):
        error = fails(session, _ROW.format(n=n))
        if error is None:
            acknowledged.append(n)
        else:
            errors.append(error)
        if len(errors) == 4:
            break
    while_full = present(session)
    mount("-o", "remount,size=24m", str(directory))
    healed = fails(session, _ROW.format(n=-1))
    large = fails(session, _LARGE)
    mount("-o", "remount,size=64m", str(directory))
    healed_again = fails(session, _ROW.format(n=-2))
    # Also a process that reads everything anew finds all of it.
    os.kill(int((directory / "default.lock").read_text(encoding="ascii")), signal.SIGKILL)
    return {
        "acknowledged": acknowledged,
        "errors": errors,
        "while_full": while_full,
        "healed": healed,
        "large": large,
        "healed_again": healed_again,
        "afterwards": present(session),
    }


def fails(session: WarehouseSession, sql: str) -> dict[str, object] | None:
    try:
        session.execute(sql)
    except AnalysisSandboxError as error:
        return {
            "code": error.code,
            "transient": error.transient,
            "message": error.message,
            "hint": error.hint,
            "details": error.details,
        }
    return None


def present(session: WarehouseSession) -> list[int]:
    for attempt in range(3):
        try:
            rows = json.loads(session.query("SELECT n FROM acks ORDER BY n", max_bytes=1 << 20))
        except AnalysisSandboxError:
            if attempt == 2:
                raise
        else:
            return [row["n"] for row in rows]
    raise AssertionError


def end(settings: Settings) -> None:
    connection = connect_running(settings, "default")
    if connection is not None:
        connection.close()
        lock = settings.warehouse_directory("default") / "default.lock"
        os.kill(int(lock.read_text(encoding="ascii")), signal.SIGTERM)


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    main()
