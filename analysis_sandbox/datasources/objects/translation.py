"""What the native client raises, as errors of ours that hold no secret."""

import contextlib
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from obstore import exceptions

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConflictError,
    NotFoundError,
    QueryError,
    UnavailableError,
    ValidationFailedError,
)

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z0-9_.]{1,80})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})")
_QUERY = re.compile(r"\?[^\s\"')]*")
_REDIRECT = "Received redirect without LOCATION"
_CONNECTING = re.compile(r"kind: Connect|error sending request|kind: Timeout|timed out|body error")


@dataclass(frozen=True, slots=True)
class Translator:
    """Turns the client's errors into errors about one datasource."""

    name: str
    host: str
    secrets: Sequence[str] = field(default=(), repr=False)

    @contextlib.contextmanager
    def translated(self, key: str = "") -> Generator[None]:
        """Translate whatever is raised inside, about the object `key`."""
        try:
            yield
        except FileNotFoundError as error:
            raise self._missing(key, str(error)) from None
        except exceptions.AlreadyExistsError:
            raise ConflictError(
                f"Datasource {self.name!r}: there is an object {key!r} already",
                details={"datasource": self.name, "key": key},
            ) from None
        except exceptions.PreconditionError:
            raise UnavailableError(
                f"Datasource {self.name!r}: the object {key!r} changed while it was read",
                hint="Read it again.",
                details={"datasource": self.name, "key": key},
            ) from None
        except (exceptions.InvalidPathError, ValueError) as error:
            raise ValidationFailedError(
                f"Datasource {self.name!r}: a key there or asked for cannot be used: "
                f"{self._shown(str(error))}. Empty parts (//), . and .. cannot"
            ) from None
        except (exceptions.BaseError, OSError) as error:
            raise self._refused(str(error)) from None

    def _missing(self, key: str, text: str) -> AnalysisSandboxError:
        if "NoSuchBucket" in text or "ContainerNotFound" in text:
            return self._refused(text)
        return NotFoundError(
            f"Datasource {self.name!r}: there is no object {key!r}",
            hint="list shows the keys there are.",
            details={"datasource": self.name, "key": key},
        )

    def _refused(self, text: str) -> AnalysisSandboxError:
        status = int(found.group(1)) if (found := _STATUS.search(text)) else None
        details: dict[str, object] = {"datasource": self.name, "host": self.host}
        if status is not None:
            details["status"] = status
        reason = self._reason(text)
        if _REDIRECT in text or status in {301, 307, 308}:
            return QueryError(
                f"Datasource {self.name!r}: {self.host} says the bucket is elsewhere",
                hint="Set region and endpoint to those of the bucket; redirects are not followed.",
                details=details,
            )
        if status in {401, 403}:
            return QueryError(
                f"Datasource {self.name!r}: {self.host} refused the request ({reason})",
                hint="Check the credentials, their rights, and the clock of this machine.",
                details=details,
            )
        if status is not None and status < 500 and status not in {408, 429}:
            return QueryError(
                f"Datasource {self.name!r}: {self.host} refused the request ({reason})",
                details=details,
            )
        if status is None and not _CONNECTING.search(text):
            return QueryError(f"Datasource {self.name!r}: {reason}", details=details)
        return UnavailableError(
            f"Datasource {self.name!r}: {self.host} cannot be reached ({reason})",
            hint="Check the endpoint and the network; a redirect to another host is not followed.",
            details=details,
        )

    def _reason(self, text: str) -> str:
        """Return what the service said in its own words; else the client's, first line."""
        code, message = _CODE.search(text), _MESSAGE.search(text)
        if code is not None:
            told = f"{code.group(1)}: {message.group(1).strip()}" if message else code.group(1)
            return self._shown(told)
        if found := _STATUS.search(text):
            return f"status {found.group(1)}"
        if "error sending request" in text or "kind: Connect" in text:
            return "no connection"
        return self._shown(text.split("\n\nDebug source:", 1)[0])

    def _shown(self, text: str) -> str:
        text = _QUERY.sub("?…", " ".join(text.split()))
        for secret in self.secrets:
            if len(secret) >= 4:
                text = text.replace(secret, "***")
        return text[:300]
