"""What people type: parameters, JSON objects, and files that hold scripts."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import typer

STDIN = Path("-")


def read_script(path: Path) -> str:
    """Return the text of a script; `-` is stdin. A file that cannot be read is a usage error."""
    try:
        data = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{path} is not UTF-8 (byte {error.start})") from None


def language_of(path: Path) -> str | None:
    """Return the language that a file's name tells; None when it tells nothing."""
    return "typescript" if path.suffix in (".ts", ".mts") else None


def parse_object(text: str | None, *, option: str) -> dict[str, Any]:
    """Return a JSON object that was given as an option's value."""
    if text is None:
        return {}
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{option} must be a JSON object, such as '{{\"limit\": 10}}'")
    return cast("dict[str, Any]", value)


def parse_parameters(pairs: Sequence[str], whole: str | None = None) -> dict[str, Any]:
    """Return parameters from `name=text` and `name:=json`, which win over the JSON `whole`."""
    parameters = parse_object(whole, option="--params")
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.rstrip(":"):
            raise typer.BadParameter(f"'{pair}' is neither name=text nor name:=json")
        if not name.endswith(":"):
            parameters[name] = value
            continue
        try:
            parameters[name[:-1]] = json.loads(value)
        except ValueError as error:
            raise typer.BadParameter(f"'{pair}': what follows := is not JSON: {error}") from None
    return parameters
