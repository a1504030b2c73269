"""The configuration of one installation: read once per process, then passed on.

The only module that reads the environment. Every process of the product finds the same settings
because it is started with the same `ANALYSIS_SANDBOX_HOME`.
"""

import hashlib
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.limits import LimitOverrides, SystemLimits, over_maximum

PREFIX = "ANALYSIS_SANDBOX_"
DEFAULT_HOME = Path(".analysis-sandbox")
# A Unix socket address holds 107 bytes; this leaves room for the longest socket name.
_LONGEST_SOCKET_DIRECTORY = 60
_REGISTRY_VARIABLES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("NPM_CONFIG_REGISTRY", "DENO_CERT", "DENO_TLS_CA_STORE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class LimitSettings(BaseModel):
    """What an installation states of the limits of runs; the rest is built in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: LimitOverrides = Field(default_factory=LimitOverrides)
    maximum: LimitOverrides = Field(default_factory=LimitOverrides)

    def system(self) -> SystemLimits:
        """Return the defaults and maximums that hold."""
        return SystemLimits.of(self.default, self.maximum)

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = over_maximum(self.default, self.system().maximum)
        if problems:
            told = "; ".join(f"default.{name} {text}" for name, text in problems.items())
            raise ValueError(told)
        return self


class Settings(BaseModel):
    """One installation. Each field is set by `ANALYSIS_SANDBOX_<FIELD>` or in `config.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(description="Directory that holds everything written.")
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port of the API.")
    dagster_port: int = Field(default=3000, ge=0, le=65535, description="Port of Dagster's UI.")
    database_url: SecretStr | None = Field(
        default=None, description="External PostgreSQL (also DATABASE_URL); embedded when unset."
    )
    admin_token: SecretStr | None = Field(
        default=None, description="The admin's bearer token; made and kept in the home when unset."
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="What secrets of stored datasources are encrypted with; made and kept in the "
        "home when unset. Several, separated by commas: the first one encrypts.",
    )
    run_workers: int = Field(
        # More than cores: a run mostly waits for databases, and long ones must not hold up all.
        default=max(4, os.cpu_count() or 4),
        ge=1,
        le=256,
        description="Warm run workers.",
    )
    runs_per_worker: int = Field(
        default=500, ge=1, description="Runs after which a run worker is replaced."
    )
    drain_seconds: float = Field(
        default=20, ge=0, description="How long running runs may finish when the pool stops."
    )
    allow_weak_sandbox: bool = Field(
        default=False,
        description="Run scripts on Linux although seccomp cannot be installed. Unsafe.",
    )
    require_dependencies: bool = Field(
        default=False, description="Refuse scripts that do not declare their datasources."
    )
    warehouse_memory_mb: int | None = Field(
        default=None, ge=64, description="DuckDB's memory limit; 70 % of the RAM, at most 8192."
    )
    warehouse_idle_seconds: float = Field(
        default=300, gt=0, description="A warehouse without sessions ends after this time."
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")
    dagster_environment: str = Field(
        default="analysis_sandbox.composition:dagster_environment",
        pattern=r"^[\w.]+:\w+$",
        description="Import path of the function that builds what runs under Dagster need.",
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings,
        description="Limits of runs: [limits.default] and [limits.maximum]; in the environment "
        "as JSON.",
    )
    packages: dict[str, list[str]] = Field(
        default_factory=dict[str, list[str]],
        description="npm packages that scripts may import, by project; in the environment as JSON.",
    )
    url: str | None = Field(
        default=None, description="Where commands find the API; the running `up` when unset."
    )
    token: SecretStr | None = Field(
        default=None, description="The token commands send; the home's admin token when unset."
    )

    @field_validator("limits", "packages", mode="before")
    @classmethod
    def _parse_json(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError(f"is not JSON: {error}") from None

    @property
    def system_limits(self) -> SystemLimits:
        """The limits of runs where nothing else is stated, and their maximums."""
        return self.limits.system()

    @property
    def results_directory(self) -> Path:
        """Where result files live, by date."""
        return self.home / "results"

    @property
    def logs_directory(self) -> Path:
        """Where the processes of `up` log to."""
        return self.home / "logs"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME of this installation."""
        return self.home / "dagster"

    @property
    def datasources_file(self) -> Path:
        """The datasource configuration that people edit."""
        return self.home / "datasources.yaml"

    @property
    def admin_token_file(self) -> Path:
        """The admin's token, mode 0600."""
        return self.home / "admin-token"

    @property
    def secret_key_file(self) -> Path:
        """What secrets are encrypted with where `secret_key` is not set, mode 0600."""
        return self.home / "secret-key"

    @property
    def owner_lock(self) -> Path:
        """Locked by `up` for as long as it lives; see `processes`."""
        return self.home / "up.lock"

    @property
    def state_file(self) -> Path:
        """What a running `up` says of itself: pid and URLs, as JSON."""
        return self.home / "up.json"

    @property
    def packages_directory(self) -> Path:
        """Where npm packages are downloaded to and bundled; a `.npmrc` in there is used."""
        return self.home / "packages"

    def warehouse_directory(self, project: str) -> Path:
        """Everything DuckDB writes for one project."""
        return self.home / "warehouse" / project

    @property
    def runtime_directory(self) -> Path:
        """Directory of the Unix sockets: in the home, or in the temporary directory if too long."""
        inside = self.home / "run"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET_DIRECTORY:
            return inside
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"analysis-sandbox-{os.getuid()}-{digest}"

    @property
    def pool_socket(self) -> Path:
        """Where the run pool listens."""
        return self.runtime_directory / "pool.sock"

    @property
    def code_server_socket(self) -> Path:
        """Where the Dagster code server listens."""
        return self.runtime_directory / "code.sock"

    def warehouse_socket(self, project: str) -> Path:
        """Where the warehouse of a project listens."""
        return self.runtime_directory / f"wh-{project}.sock"

    def child_environment(self) -> dict[str, str]:
        """Return the environment that makes our own processes read these same settings."""
        return {
            **os.environ,
            f"{PREFIX}HOME": str(self.home),
            f"{PREFIX}HOST": self.host,
            f"{PREFIX}PORT": str(self.port),
            f"{PREFIX}DAGSTER_PORT": str(self.dagster_port),
            "DAGSTER_HOME": str(self.dagster_home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }


def registry_environment() -> dict[str, str]:
    """Return what of the environment tells how to reach a package registry, and nothing else."""
    found = {name: os.environ[name] for name in _REGISTRY_VARIABLES if os.environ.get(name)}
    # npm itself reads either spelling; who trusts the system's certificates does so here, too.
    if registry := os.environ.get("npm_config_registry"):  # noqa: SIM112 - npm's own
        found.setdefault("NPM_CONFIG_REGISTRY", registry)
    found.setdefault("DENO_TLS_CA_STORE", "system,mozilla")
    return found


def load_settings(home: Path | None = None, **overrides: object) -> Settings:
    """Read the environment and `<home>/config.toml`; `overrides` win over both.

    Raises:
        ConfigurationError: a value is unknown or out of range; the message names it.
    """
    environment = dict(os.environ)
    chosen = home or Path(environment.get(f"{PREFIX}HOME") or DEFAULT_HOME)
    values: dict[str, Any] = {"home": chosen.expanduser().absolute()}
    values.update(_from_file(values["home"] / "config.toml"))
    values.update(_from_environment(environment))
    values.update({name: value for name, value in overrides.items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise ConfigurationError(f"The configuration is not valid: {problems}") from None


def expand_environment(text: str) -> str:
    """Replace each `${NAME}` by the environment's value.

    Raises:
        ConfigurationError: a name is not set; the message names every one.
    """
    missing = sorted({name for name in _REFERENCE.findall(text) if name not in os.environ})
    if missing:
        raise ConfigurationError(
            f"Not set in the environment: {', '.join(missing)}",
            hint="Export the variables before starting, or remove the references.",
        )
    return _REFERENCE.sub(lambda match: os.environ[match.group(1)], text)


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    values = {
        name: environment[PREFIX + name.upper()]
        for name in Settings.model_fields
        if name != "home" and environment.get(PREFIX + name.upper())
    }
    if "database_url" not in values and environment.get("DATABASE_URL"):
        values["database_url"] = environment["DATABASE_URL"]
    return values
