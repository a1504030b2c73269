"""A client in a process of its own, for tests that kill it: HOME ACTION."""

import os
import sys
from pathlib import Path

from analysis_sandbox.errors import UnavailableError
from analysis_sandbox.processes import OwnerLock
from analysis_sandbox.settings import Settings, load_settings
from analysis_sandbox.warehouse.client import Warehouse, WarehouseSession

ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) t(i) WHERE hash(i) = 5"


def open_session(settings: Settings) -> WarehouseSession:
    return Warehouse(settings, "default").session(memory_mb=256)


def hold_transaction(settings: Settings) -> None:
    """Change a row, do not commit, and wait to be killed."""
    with open_session(settings) as session:
        session.execute("BEGIN; UPDATE t SET n = n + 100 WHERE id = 1; INSERT INTO t VALUES (2, 0)")
        say("changed")
        sys.stdin.read()


def hold_statement(settings: Settings) -> None:
    """Change a row, and be in a statement without end when killed."""
    with open_session(settings) as session:
        session.execute("BEGIN; UPDATE t SET n = n + 100 WHERE id = 1")
        say("changed")
        session.query(ENDLESS, max_bytes=1000)


def race(settings: Settings) -> None:
    """Start together with others, and leave one row."""
    say("ready")
    sys.stdin.readline()
    with open_session(settings) as session:
        session.execute("CREATE TABLE IF NOT EXISTS seen (pid INTEGER)")
        session.execute(f"INSERT INTO seen VALUES ({os.getpid()})")
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        say("no children")


def insert(settings: Settings) -> None:
    """Insert one row after the other through every restart; say each that was acknowledged."""
    session = open_session(settings)
    for number in range(1_000_000):
        try:
            session.execute(f"INSERT INTO numbers VALUES ({number})")
        except UnavailableError:
            say(f"unknown {number}")
        else:
            say(f"stored {number}")


def own(settings: Settings) -> None:
    """Be the `up` that owns the home."""
    with OwnerLock(settings.owner_lock):
        say("owner")
        sys.stdin.read()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


ACTIONS = {
    "hold_transaction": hold_transaction,
    "hold_statement": hold_statement,
    "race": race,
    "insert": insert,
    "own": own,
}

if __name__ == "__main__":
    ACTIONS[sys.argv[2]](load_settings(Path(sys.argv[1])))
