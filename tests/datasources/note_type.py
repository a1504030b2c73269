"""A small type with everything a type can have: notes in a dictionary, behind an address and a key.

It is installed by a test, as a third party's package is: by its entry point.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from analysis_sandbox.datasources.base import Check, DatasourceConfig, Operation
from analysis_sandbox.datasources.registry import installed_types, load_type
from analysis_sandbox.errors import NotFoundError, UnavailableError, UnsupportedOperationError
from analysis_sandbox.values import EncodedJSON, JSONObject, encode


class Login(BaseModel):
    """How the notes know who asks."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: str = "token"
    token: SecretStr = Field(min_length=3)


class NoteConfig(DatasourceConfig):
    """Where the notes are."""

    address: str
    pages: int = Field(default=2, ge=1)
    key: SecretStr | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    login: Login | None = None
    allow_private_addresses: bool = False
    file: Path | None = None
    url: SecretStr | None = None

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        if not text.startswith("https://"):
            raise ValueError(f"{text} does not begin with https://")
        return text


class NoteDatasource:
    """Notes that are all the same, wherever they are."""

    type_name: ClassVar[str] = "notes"
    config_model: ClassVar[type[DatasourceConfig]] = NoteConfig
    write_operations: ClassVar[tuple[str, ...]] = ("write",)

    def __init__(self, config: NoteConfig, *, name: str) -> None:
        self.config = config
        self.name = name

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        return ("read",) if config.access == "read_only" else ("read", "write")

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        assert isinstance(config, NoteConfig)
        return cls(config, name=name)

    def operations(self) -> Mapping[str, Operation]:
        return {"read": lambda: self.config.address}

    def cancel(self) -> None:
        """Nothing ever runs."""

    def close(self) -> None:
        """Nothing is ever open."""

    def catalog(self) -> Sequence[JSONObject]:
        return [{"name": f"note/{number}", "kind": "note"} for number in range(self.config.pages)]

    def describe(self, name: str) -> JSONObject:
        if name not in [entry["name"] for entry in self.catalog()]:
            raise NotFoundError(f"There is no '{name}'")
        return {"name": name, "kind": "note", "columns": [{"name": "text", "type": "text"}]}

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        self.describe(name)
        if name == "note/1":
            raise UnsupportedOperationError("It has no rows")
        return EncodedJSON(
            encode([{"text": f"line {number}", "raw": b"\x00\xff"} for number in range(limit)])
        )

    def test(self) -> Sequence[Check]:
        if self.config.key is None:
            raise UnavailableError("Nobody answers", hint="Is it running?")
        return [
            Check("connection", ok=True, detail="answers"),
            Check("role", ok=False, detail="may write"),
        ]


class BareDatasource:
    """A type that offers nothing but what every type must."""

    type_name: ClassVar[str] = "bare"
    config_model: ClassVar[type[DatasourceConfig]] = DatasourceConfig

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        return ()

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        return cls()

    def operations(self) -> Mapping[str, Operation]:
        return {}

    def cancel(self) -> None:
        """Nothing ever runs."""

    def close(self) -> None:
        """Nothing is ever open."""


@contextmanager
def note_type(directory: Path) -> Generator[None]:
    """Install the type for as long as this lasts."""
    metadata = directory / "note_data-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: note-data\nVersion: 1.0\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(
        "[analysis_sandbox.datasources]\n"
        "notes = tests.datasources.note_type:NoteDatasource\n"
        "bare = tests.datasources.note_type:BareDatasource\n"
        "driverless = tests.datasources.no_such_driver:Datasource\n",
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        installed_types.cache_clear()
        yield
    installed_types.cache_clear()
    load_type.cache_clear()
