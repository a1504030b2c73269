"""The keys that secrets are encrypted with: from the settings, or from a file in the home.

The file has one key a line; the first one encrypts, all of them decrypt. It has two only while
secrets go from one key to the next. Who encrypts holds a shared lock until what it encrypted is
stored, so that no key is dropped meanwhile.
"""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from analysis_sandbox.errors import ConfigurationError, ConflictError
from analysis_sandbox.settings import Settings
from analysis_sandbox.values import JSONObject

_VARIABLE = "ANALYSIS_SANDBOX_SECRET_KEY"
_MAKE_ONE = (
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)


class SecretsUnreadableError(ConfigurationError):
    """Secrets that cannot be decrypted here and now."""


class Sealer:
    """Encrypts and decrypts with the keys of one moment. What is sealed belongs to one owner."""

    def __init__(self, keys: Sequence[str], *, place: str) -> None:
        self._fernet = MultiFernet([_fernet(key, place) for key in keys]) if keys else None
        self._place = place

    def seal(self, owner: UUID, secrets: JSONObject) -> bytes:
        """Return the secrets, encrypted for their owner."""
        assert self._fernet is not None
        content = {"owner": str(owner), "secrets": secrets}
        return self._fernet.encrypt(json.dumps(content).encode("utf-8"))

    def unseal(self, owner: UUID, sealed: bytes) -> JSONObject:
        """Return the secrets of an owner.

        Raises:
            SecretsUnreadableError: they were sealed with another key, or for somebody else.
        """
        if self._fernet is None:
            raise SecretsUnreadableError(
                f"Its secrets cannot be read: the key is missing ({self._place}).",
                hint="Put the key back, or remove the datasource and add it again.",
            )
        try:
            content = cast("dict[str, Any]", json.loads(self._fernet.decrypt(sealed)))
        except InvalidToken:
            content = {}
        if content.get("owner") != str(owner):
            raise SecretsUnreadableError(
                f"Its secrets were stored with another key than the one in {self._place}.",
                hint="Put that key back, or give every secret again.",
            )
        return content["secrets"]


class SecretKeys:
    """Where the keys are. Reads them anew each time: another process may have replaced them."""

    def __init__(self, settings: Settings) -> None:
        given = settings.secret_key.get_secret_value() if settings.secret_key else ""
        self._configured = [key.strip() for key in given.split(",") if key.strip()]
        self._file = settings.secret_key_file

    @property
    def place(self) -> str:
        """Where the key that encrypts is, as people know it."""
        return _VARIABLE if self._configured else str(self._file)

    def reading(self) -> Sealer:
        """Return what decrypts now.

        Raises:
            SecretsUnreadableError: a key is there that is none, or the file cannot be read.
        """
        return Sealer(self._keys(), place=self.place)

    @contextlib.contextmanager
    def steady(self) -> Generator[None]:
        """Wait until no keys are being replaced, and keep it so."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def writing(self, *, may_create: bool) -> Generator[Sealer]:
        """Yield what encrypts; what it encrypted must be stored before this ends.

        Raises:
            ConflictError: there is no key, and none may be made.
            SecretsUnreadableError: a key is there that is none, or the file cannot be read.
        """
        with self._locked(fcntl.LOCK_SH):
            if not self._has_keys(may_create=may_create):
                self._create()
            yield self.reading()

    @contextlib.contextmanager
    def replacing(self, *, may_create: bool) -> Generator[Sealer]:
        """Yield what decrypts with every key and encrypts with the next one.

        When this ends well, only the next one is left; else both are, and nothing is lost.

        Raises:
            ConflictError: the key is missing; or it is in the settings, without a next one.
        """
        with self._locked(fcntl.LOCK_EX):
            self._has_keys(may_create=may_create)
            if self._configured:
                if len(self._configured) == 1 and not self._file.exists():
                    raise ConflictError(
                        f"The key is in {_VARIABLE}; a new one is made there",
                        hint=f"Make one ({_MAKE_ONE}), start everything again with "
                        f"{_VARIABLE}=NEW,OLD, rotate again, and then leave OLD out.",
                    )
                yield self.reading()
                self._file.unlink(missing_ok=True)
                return
            new = Fernet.generate_key().decode("ascii")
            self._write([new, *self._keys()])
            yield self.reading()
            self._write([new])

    def _has_keys(self, *, may_create: bool) -> bool:
        has_keys = bool(self._keys())
        if not has_keys and not may_create:
            raise ConflictError(
                f"The key of the secrets that are stored is missing ({self.place})",
                hint="Put it back, or remove the datasources that have secrets first.",
            )
        return has_keys

    def _keys(self) -> list[str]:
        try:
            text = self._file.read_text(encoding="ascii")
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            raise SecretsUnreadableError(
                f"The key file {self._file} cannot be read ({type(error).__name__})."
            ) from None
        return [*self._configured, *text.split()]

    def _create(self) -> None:
        temporary = self._temporary([Fernet.generate_key().decode("ascii")])
        try:
            # A link appears whole, or not at all where another process was faster.
            with contextlib.suppress(FileExistsError):
                os.link(temporary, self._file)
        finally:
            temporary.unlink()

    def _write(self, keys: Sequence[str]) -> None:
        self._temporary(keys).replace(self._file)
        with self._home() as descriptor:
            os.fsync(descriptor)

    def _temporary(self, keys: Sequence[str]) -> Path:
        # mkstemp makes files that are their owner's alone.
        descriptor, name = tempfile.mkstemp(dir=self._file.parent, prefix=".secret-key-")
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("".join(f"{key}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        return Path(name)

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Generator[None]:
        with self._home() as descriptor:
            fcntl.flock(descriptor, kind)
            yield

    @contextlib.contextmanager
    def _home(self) -> Generator[int]:
        self._file.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        descriptor = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _fernet(key: str, place: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise SecretsUnreadableError(
            f"What {place} holds is not a key.", hint=f"A key is made with: {_MAKE_ONE}"
        ) from None
