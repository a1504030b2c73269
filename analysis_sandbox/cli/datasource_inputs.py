"""A datasource's fields as people type them; its secrets are never on the command line."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import typer


def parse_fields(pairs: Sequence[str], secrets: Sequence[str]) -> dict[str, Any]:
    """Return fields from `name=text` and `name:=json`; dots name a field within a field.

    Secrets are refused here: a command line can be read by others, and is remembered.
    """
    fields: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        is_json = name.endswith(":")
        name = name.removesuffix(":")
        if not equals or not name:
            raise typer.BadParameter("a field is neither name=text nor name:=json")
        if is_secret(name, secrets):
            raise typer.BadParameter(
                f"{name} is a secret and does not belong on a command line: "
                f"--secret {name} asks for it, --secret {name}=@FILE reads it"
            )
        put(fields, name, _parsed(name, text) if is_json else text)
    return fields


def read_secrets(given: Sequence[str], *, wanted: Sequence[str]) -> dict[str, str]:
    """Return the secrets that are named, and those that are wanted: from files, or asked for.

    What is asked for is never shown; without a terminal it is a line of stdin each.
    """
    found: dict[str, str] = {}
    for one in given:
        name, equals, place = one.partition("=")
        if equals and not place.startswith("@"):
            raise typer.BadParameter(
                f"--secret {name} asks for the secret, --secret {name}=@FILE reads it; it does "
                "not belong on a command line"
            )
        found[name] = _read_file(Path(place[1:])) if equals else _ask(name)
    for name in wanted:
        if name not in found:
            found[name] = _ask(name)
    return found


def is_secret(name: str, secrets: Sequence[str]) -> bool:
    """Tell whether a field is a secret; `*` in `secrets` is any name."""
    parts = name.split(".")
    return any(_matches(parts, pattern.split(".")) for pattern in secrets)


def put(fields: dict[str, Any], name: str, value: object) -> None:
    """Set a field within fields, by its name with dots."""
    *parents, last = name.split(".")
    place = fields
    for parent in parents:
        inner = place.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise typer.BadParameter(f"{name}: {parent} holds no fields")
        place = cast("dict[str, Any]", inner)
    place[last] = value


def take(fields: dict[str, Any], name: str) -> None:
    """Take a field out of fields, by its name with dots."""
    *parents, last = name.split(".")
    place: object = fields
    for parent in parents:
        place = cast("dict[str, object]", place).get(parent) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last not in place:
        raise typer.BadParameter(f"there is no field {name} to unset")
    del place[last]


def required_secrets(schema: Mapping[str, Any], secrets: Sequence[str]) -> list[str]:
    """Return the secrets that a configuration cannot do without."""
    return [name for name in schema.get("required", ()) if name in secrets]


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    # The last part of a pattern may stand for names with dots, such as a header's.
    if len(parts) < len(pattern) or (len(parts) > len(pattern) and pattern[-1] != "*"):
        return False
    return all(wanted in (part, "*") for part, wanted in zip(parts, pattern, strict=False))


def _parsed(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{name}: what follows := is not JSON: {error}") from None


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read ({type(error).__name__})") from None


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        return typer.prompt(name, hide_input=True, err=True)
    line = sys.stdin.readline()
    if not line:
        raise typer.BadParameter(
            f"{name} is missing: give it on stdin, or with --secret {name}=@FILE"
        )
    return line.rstrip("\r\n")
