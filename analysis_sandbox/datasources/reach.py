"""What of the machine itself a configuration reaches: its files, its sockets, its own network.

Whoever may configure such a datasource can read what the process can read, so it is for
administrators. A database elsewhere is reached by its name and port, and by nothing else.
"""

import contextlib
import ipaddress
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import cast
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, SecretStr

_AROUND_HOST = re.compile(r"^\[|\](:\d*)?$|(?<![:\]]):\d*$")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LOCAL_START = ("/", "~", "./", "../", "file:")
# Fields that hold an address, also where it is a secret as a whole.
_ADDRESSES = ("url", "dsn", "uri", "conninfo", "connection_string")
# What makes a database's client look elsewhere than where its URL points, or read a file.
_DETOURS = frozenset(
    {
        *("host", "hostaddr", "service", "servicefile", "passfile"),
        *("unix_socket", "read_default_file", "read_default_group"),
    }
)
_FILE = "may name a file of the machine"
_SOCKET = "reaches a socket of the machine"
_ITSELF = "is an address of the machine itself"
_SWITCHES = {
    "allow_private_addresses": "opens the addresses of the machine's own network",
    "ambient_credentials": "uses the credentials of the machine",
}


def machine_reach(config: BaseModel) -> dict[str, str]:
    """Return the fields by which a datasource would reach the machine itself, each with how."""
    return {".".join(path): how for path, value in _leaves(config) if (how := _how(path, value))}


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, BaseModel):
        for name, item in value:
            yield from _leaves(item, (*path, name))
    elif isinstance(value, Mapping):
        for name, item in cast("Mapping[object, object]", value).items():
            yield from _leaves(item, (*path, str(name)))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in cast("Iterable[object]", value):
            yield from _leaves(item, path)
    else:
        yield path, value


def _how(path: tuple[str, ...], value: object) -> str | None:
    name = path[-1] if path else ""
    if isinstance(value, PurePath):
        return _FILE
    if name in _SWITCHES:
        return _SWITCHES[name] if value is True else None
    is_hidden = isinstance(value, SecretStr)
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        return None
    if _URL.match(text):
        return _how_of_url(text)
    if name in _ADDRESSES:
        return _SOCKET
    # A random secret may well begin with a slash.
    return _FILE if not is_hidden and text.startswith(_LOCAL_START) else None


def _how_of_url(text: str) -> str | None:
    try:
        parts = urlsplit(text)
    except ValueError:
        return _SOCKET
    if parts.scheme.lower() == "file":
        return _FILE
    hosts = [unquote(host) for host in parts.netloc.rpartition("@")[2].split(",")]
    if any(not host or host.startswith(("/", ":", "@")) for host in hosts):
        return _SOCKET
    if any(_is_this_machine(_AROUND_HOST.sub("", host)) for host in hosts):
        return _ITSELF
    return _how_of_query(parts.query)


def _how_of_query(query: str) -> str | None:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() in _DETOURS:
            return _SOCKET
        if value.startswith(_LOCAL_START):
            return _FILE
    return None


def _is_this_machine(host: str) -> bool:
    """Tell whether an address that is written out is this machine's, or its cloud's own."""
    if host.lower().rstrip(".").endswith("localhost"):
        return True
    with contextlib.suppress(OSError, ValueError):
        # Also 127.1 and 2130706433, as a resolver reads them.
        host = socket.inet_ntoa(socket.inet_aton(host))
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified
