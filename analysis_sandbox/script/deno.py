"""Deno as a program: where it is installed, and one bounded run of it.

The wheel holds one binary. It is told what to do by files and arguments, and its environment holds
what is given here, no more.
"""

import contextlib
import importlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis_sandbox.errors import MissingDependencyError, UnavailableError

# Without these it looks for updates, asks questions, and takes settings from around its directory.
_ALWAYS = {
    "DENO_NO_UPDATE_CHECK": "1",
    "DENO_NO_PROMPT": "1",
    "DENO_NO_PACKAGE_JSON": "1",
    "NO_COLOR": "1",
}
_LONGEST_OUTPUT = 64 << 10


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run of Deno ended; `output` is the end of what it said."""

    code: int
    output: str


def find_deno() -> Path:
    """Return the installed binary.

    Raises:
        MissingDependencyError: the extra that brings it is not installed.
    """
    try:
        return Path(importlib.import_module("deno").find_deno_bin())
    except (ImportError, FileNotFoundError) as error:
        raise MissingDependencyError(
            "Deno is not installed", hint="pip install 'analysis-sandbox[npm]'"
        ) from error


def run_deno(
    arguments: Sequence[str], directory: Path, *, environment: Mapping[str, str], seconds: float
) -> Finished:
    """Run Deno in a directory and wait for its end; it never outlives this call.

    Raises:
        MissingDependencyError: it is not installed.
        UnavailableError: it did not end in time.
    """
    process = subprocess.Popen(
        [find_deno(), *arguments],
        cwd=directory,
        env={**environment, **_ALWAYS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # A group of its own: what it starts ends with it.
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise UnavailableError(
                f"Deno did not finish within {seconds:g} s; try again"
            ) from error
        raise
    return Finished(process.returncode, output[-_LONGEST_OUTPUT:].decode("utf-8", "replace"))
