"""npm packages made into self-contained modules by Deno, in a directory of our own.

Two steps: download what the lock or the registry says, checked against the hashes of both; then
bundle what is there. No code of a package runs in either. One bundle at a time is made per home.
"""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from analysis_sandbox.errors import MissingDependencyError, ScriptInvalidError, UnavailableError
from analysis_sandbox.script.deno import find_deno, run_deno
from analysis_sandbox.script.packages.download_errors import Failure, read_failure
from analysis_sandbox.script.packages.imports import Bundle, PackageImport, refused, without_bundler
from analysis_sandbox.script.packages.modules import entry_text
from analysis_sandbox.script.packages.output import (
    LOCK_FILE,
    OUT_DIRECTORY,
    entry_file,
    make_bundle,
    read_output,
)
from analysis_sandbox.values import JSONObject

_DOWNLOAD_SECONDS = 90.0
_BUNDLE_SECONDS = 45.0
_WAIT_SECONDS = 150.0
_PAUSE_SECONDS = 0.05
# How long an answer of the registry about a package's versions is good for.
_FRESH_SECONDS = 3600.0
_CONFIGURATION = {"nodeModulesDir": "none", "lock": {"path": f"./{LOCK_FILE}"}}
_COMMON = ("--config", "deno.json", "--quiet")
_DOWNLOAD = ("cache", "--no-check", *_COMMON)
_BUNDLE = (
    *("bundle", "--platform", "browser", "--format", "esm", "--code-splitting"),
    *("--sourcemap=external", "--outdir", OUT_DIRECTORY, *_COMMON),
)


class DenoBundler:
    """Bundles the packages that scripts import. Safe to use from several threads and processes."""

    def __init__(self, cache_directory: Path, *, environment: Mapping[str, str]) -> None:
        """Keep downloads in `cache_directory`, which nobody else may write to.

        `environment` tells how to reach the registry; Deno is given nothing else of ours.
        """
        self._directory = cache_directory.absolute()
        self._cache = self._directory / "deno"
        self._registry = urlsplit(environment.get("NPM_CONFIG_REGISTRY", "")).hostname
        self._environment = {
            **environment,
            "DENO_DIR": str(self._cache),
            # Where it looks for `.npmrc`: ours, not that of the account we run as.
            "HOME": str(self._directory),
        }

    def bundle(self, imports: Sequence[PackageImport], *, lock: JSONObject | None = None) -> Bundle:
        """Return modules that need nothing but the sandbox; versions stay as in `lock`.

        Raises:
            ScriptInvalidError: a package does not exist, lacks a name, or needs what scripts lack.
            MissingDependencyError: the bundler is not installed.
            UnavailableError: the registry cannot be reached, or does not answer in time.
        """
        if not imports:
            return Bundle(modules={}, packages=(), lock={})
        try:
            find_deno()
        except MissingDependencyError as error:
            raise without_bundler(imports) from error
        with self._alone() as work:
            if lock is None:
                self._forget_answers(imports)
            failure = self._attempt(imports, work, lock)
            if failure is not None and not failure.is_explained:
                # A process that was killed may have left something half-written.
                shutil.rmtree(self._cache, ignore_errors=True)
                failure = self._attempt(imports, work, lock)
            if failure is not None:
                raise self._error(failure, imports)
            output = read_output(work, imports, before=lock)
            return make_bundle(output, imports, work=work, packages=self._cache / "npm")

    @contextlib.contextmanager
    def _alone(self) -> Generator[Path]:
        """Hold the lock of the cache, with an empty directory to work in."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        work = self._directory / "work"
        try:
            _lock_soon(descriptor)
            # Left there when a process died.
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(mode=0o700)
            # Always as deep below the cache, so that printed paths are always the same.
            yield Path(tempfile.mkdtemp(dir=work)).resolve()
            shutil.rmtree(work, ignore_errors=True)
        finally:
            os.close(descriptor)

    def _attempt(
        self, imports: Sequence[PackageImport], work: Path, lock: JSONObject | None
    ) -> Failure | None:
        (work / "deno.json").write_text(json.dumps(_CONFIGURATION), encoding="utf-8")
        (work / LOCK_FILE).unlink(missing_ok=True)
        if lock:
            (work / LOCK_FILE).write_text(json.dumps(lock), encoding="utf-8")
        entries = [entry_file(index) for index in range(len(imports))]
        for entry, item in zip(entries, imports, strict=True):
            (work / entry).write_text(entry_text(item), encoding="utf-8")
        for command, seconds in ((_DOWNLOAD, _DOWNLOAD_SECONDS), (_BUNDLE, _BUNDLE_SECONDS)):
            finished = run_deno(
                [*command, *entries], work, environment=self._environment, seconds=seconds
            )
            if finished.code != 0:
                return read_failure(finished.output)
        return None

    def _error(
        self, failure: Failure, imports: Sequence[PackageImport]
    ) -> ScriptInvalidError | UnavailableError:
        if failure.is_transient:
            # The default registry goes without saying; one of their own is theirs to look after.
            registry = "npm registry" + (f" at {self._registry}" if self._registry else "")
            return UnavailableError(
                f"The {registry} cannot be reached: {failure.problems[0].reason}",
                hint="Try again later, or check the proxy, the certificates and the registry.",
            )
        return ScriptInvalidError(
            refused(item.line, item.specifier, reason)
            for item, reason in failure.by_import(imports)
        )

    def _forget_answers(self, imports: Sequence[PackageImport]) -> None:
        """Have the registry asked again for versions that it told long ago."""
        for package in {item.package for item in imports}:
            for answer in (self._cache / "npm").glob(f"*/{package}/registry.json"):
                if time.time() - answer.stat().st_mtime > _FRESH_SECONDS:
                    answer.unlink(missing_ok=True)


def _lock_soon(descriptor: int) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"Packages of other scripts are being bundled for {_WAIT_SECONDS:g} s; "
                    "try again"
                ) from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return
