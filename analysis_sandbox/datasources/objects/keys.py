"""Keys as scripts write them, and as they are stored: below the datasource's prefix."""

from analysis_sandbox.errors import ValidationFailedError

_MOST_BYTES = 1024


class Keys:
    """The keys of one datasource. A script's key may begin with `/`, which says nothing."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}/" if prefix else ""

    def stored(self, key: object) -> str:
        """Return the stored form of an object's key.

        Raises:
            ValidationFailedError: it cannot be a key.
        """
        text = _text(key, "key")
        parts = text.split("/")
        if any(part in {"", ".", ".."} for part in parts):
            raise ValidationFailedError(
                f"key {text!r} must be names with / between them, without empty parts, . and .."
            )
        return self._prefix + text

    def stored_prefix(self, prefix: object) -> str:
        """Return the stored form of what keys begin with; it may end within a name."""
        text = _text(prefix, "prefix")
        if any(part in {"", ".", ".."} for part in text.split("/")[:-1]):
            raise ValidationFailedError(
                f"prefix {text!r} must not have empty parts, . or .. between its /"
            )
        return self._prefix + text

    def shown(self, stored: str) -> str:
        """Return a stored key as scripts see it."""
        return stored.removeprefix(self._prefix)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ValidationFailedError(f"{what} must be a string, not {type(value).__name__}")
    text = value.removeprefix("/")
    if len(text.encode("utf-8", "replace")) > _MOST_BYTES:
        raise ValidationFailedError(f"{what} is longer than {_MOST_BYTES} bytes")
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValidationFailedError(f"{what} {text!r} has a control character")
    return text
