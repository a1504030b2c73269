"""How a change of a datasource's fields meets what is stored: which secrets stay, and when not."""

from collections.abc import Collection, Mapping
from typing import cast

from analysis_sandbox.datasources.fields import CheckedFields, leaf_names, merged, texts_of
from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.values import JSONObject


def kept_secrets(given: JSONObject, *, plain: JSONObject, secrets: JSONObject) -> JSONObject:
    """Return the secrets that stay when `given` replaces what was plain.

    One that is not named stays, unless the object that held it is gone or of another `type`.
    """
    kept: JSONObject = {}
    for name, secret in secrets.items():
        if not isinstance(secret, dict):
            if name not in given:
                kept[name] = secret
            continue
        after, before = given.get(name), plain.get(name)
        if isinstance(after, dict):
            known = cast("JSONObject", before) if isinstance(before, dict) else {}
            if after.get("type") == known.get("type"):
                inner = kept_secrets(after, plain=known, secrets=secret)
                kept |= {name: inner} if inner else {}
    return kept


def with_secrets(given: JSONObject, kept: JSONObject, *, names: Collection[str]) -> JSONObject:
    """Return the fields that hold after a change; null takes a secret of one of `names` away."""
    return _without_nulls(merged(given, kept), names)


def check_destination(
    after: CheckedFields, kept: JSONObject, *, plain: JSONObject, secrets: JSONObject
) -> None:
    """Refuse to keep secrets where they may be sent elsewhere: no text beside them may change.

    Whoever may change a datasource could otherwise have its secrets sent to an address of his own.

    Raises:
        ValidationFailedError: names every secret that must be given again, and why.
    """
    names = leaf_names(kept)
    moved = _changed(plain, after.plain)
    moved |= {
        name
        for name in _changed(secrets, after.secrets)
        if any("://" in text for text in _texts(after.secrets).get(name, ()))
    }
    # The kind of an object decides for the secrets in it, and `kept_secrets` looked at that.
    moved = {name for name in moved if name != "access" and not name.endswith(".type")}
    if names and moved:
        reason = (
            f"must be given again, because {', '.join(sorted(moved))} changes: a stored secret is "
            "only sent where it was meant to go"
        )
        raise ValidationFailedError(
            f"The datasource is not valid: {', '.join(names)} {reason}",
            fields=dict.fromkeys(names, reason),
        )


def _changed(before: JSONObject, after: JSONObject) -> set[str]:
    known, now = _texts(before), _texts(after)
    return {name for name in known.keys() | now.keys() if known.get(name) != now.get(name)}


def _texts(values: JSONObject) -> Mapping[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, text in texts_of(values):
        texts.setdefault(name, []).append(text)
    return texts


def _without_nulls(values: JSONObject, names: Collection[str], prefix: str = "") -> JSONObject:
    left: JSONObject = {}
    for name, value in values.items():
        if isinstance(value, dict):
            left[name] = _without_nulls(value, names, f"{prefix}{name}.")
        elif value is not None or prefix + name not in names:
            left[name] = value
    return left
