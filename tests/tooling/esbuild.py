"""esbuild, an independent compiler of TypeScript: fetched once, and asked what a text means."""

import subprocess
from pathlib import Path

from tests.tooling.npm import installed

VERSION = "0.28.2"


class RejectedError(Exception):
    """The text is no TypeScript, or no JavaScript."""


class Esbuild:
    """The compiler of one version in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        """Install it unless it is there."""
        self._program = installed(f"esbuild@{VERSION}", directory, program="@esbuild/*/bin/esbuild")

    def reprint(self, text: str, language: str) -> str:
        """The text as JavaScript without comments, blanks or a layout of its own."""
        finished = subprocess.run(
            [
                *(self._program, f"--loader={language}", "--log-level=error", "--target=esnext"),
                *("--minify-whitespace", "--legal-comments=none", "--tsconfig-raw={}"),
            ],
            input=text.encode("utf-8"),
            capture_output=True,
            timeout=30,
            check=False,
        )
        if finished.returncode != 0:
            raise RejectedError(finished.stderr.decode("utf-8", "replace"))
        return finished.stdout.decode("utf-8")
