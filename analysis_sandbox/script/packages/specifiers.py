"""What an import names: a package and a part of it, or something that no script can import."""

import re
from dataclasses import dataclass

_NAME = r"(?:@[A-Za-z0-9~-][\w.~-]*/)?[A-Za-z0-9~-][\w.~-]*"
_PACKAGE = re.compile(
    rf"(?P<package>{_NAME})(?:/(?P<subpath>[\w.~@+-]+(?:/[\w.~@+-]+)*))?", re.ASCII
)
_VERSIONED = re.compile(rf"{_NAME}@[^/]+(?:/.*)?", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LONGEST_NAME = 214
_NODE = "node:"

# Packages that hold a connection of their own, or the means to it.
DRIVERS = frozenset(
    {
        *("duckdb", "duckdb-async", "@duckdb/node-api", "@duckdb/duckdb-wasm", "postgres", "pg"),
        *("pg-promise", "pg-native", "slonik", "mysql", "mysql2", "mariadb", "sqlite3", "sqlite"),
        *("better-sqlite3", "sql.js", "mssql", "tedious", "oracledb", "mongodb", "mongoose"),
        *("redis", "ioredis", "knex", "sequelize", "typeorm", "@prisma/client", "drizzle-orm"),
        *("@clickhouse/client", "clickhouse", "@elastic/elasticsearch", "cassandra-driver"),
        *("snowflake-sdk", "@google-cloud/bigquery", "@google-cloud/storage", "kafkajs"),
        *("@aws-sdk/client-s3", "aws-sdk", "minio", "@azure/storage-blob", "soap"),
    }
)
NETWORK_CLIENTS = frozenset(
    {
        *("axios", "node-fetch", "node-fetch-native", "cross-fetch", "isomorphic-fetch"),
        *("isomorphic-unfetch", "unfetch", "whatwg-fetch", "make-fetch-happen", "minipass-fetch"),
        *(
            "got",
            "ky",
            "ofetch",
            "wretch",
            "superagent",
            "supertest",
            "request",
            "needle",
            "undici",
        ),
        *("bent", "phin", "follow-redirects", "ws", "isomorphic-ws", "socket.io", "nodemailer"),
        *("socket.io-client", "graphql-request", "googleapis", "ssh2", "ftp", "basic-ftp"),
        *("ssh2-sftp-client", "puppeteer", "playwright"),
    }
)
_BUILTINS = frozenset(
    {
        *("assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants"),
        *("crypto", "dgram", "diagnostics_channel", "dns", "domain", "events", "fs", "http"),
        *("http2", "https", "inspector", "module", "net", "os", "path", "perf_hooks", "process"),
        *("punycode", "querystring", "readline", "repl", "stream", "string_decoder", "sys"),
        *("timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi"),
        *("worker_threads", "zlib"),
    }
)
_INSTEAD = {
    "buffer": "Buffer is there without an import",
    "console": "console is there without an import",
    "crypto": "ctx.utils.hash makes hashes",
    "timers": "setTimeout and clearTimeout are there without an import",
    "url": "URL and URLSearchParams are there without an import",
    "util": "TextEncoder, TextDecoder and structuredClone are there without an import",
    "zlib": "ctx.utils.compress and ctx.utils.decompress are there for it",
}
_NO_BUILTIN = "a script has no files, network or processes; data comes from ctx"


@dataclass(frozen=True, slots=True)
class Specifier:
    """An import of a package: `csv-parse/sync` is `sync` of the package `csv-parse`."""

    package: str
    subpath: str


def parse_specifier(text: str) -> Specifier | None:
    """Return what an import names when that is a package, else None."""
    match = _PACKAGE.fullmatch(text)
    if match is None or len(match["package"]) > _LONGEST_NAME:
        return None
    subpath = match["subpath"] or ""
    if not {".", ".."}.isdisjoint(subpath.split("/")):
        return None
    return Specifier(match["package"], subpath)


def builtin_name(text: str) -> str | None:
    """Return `node:fs/promises` for an import of a part of Node.js, however it is written."""
    bare = text.removeprefix(_NODE)
    if text.startswith(_NODE) or bare.split("/")[0] in _BUILTINS:
        return _NODE + bare
    return None


def refusal(text: str) -> str | None:
    """Return why a script can never import this, with what to do instead; None for a package."""
    if (builtin := builtin_name(text)) is not None:
        return _INSTEAD.get(builtin.removeprefix(_NODE), _NO_BUILTIN)
    specifier = parse_specifier(text)
    return _no_package(text) if specifier is None else connection_refusal(specifier.package)


def connection_refusal(package: str) -> str | None:
    """Return what to use in place of a package that connects to something by itself."""
    if package in DRIVERS:
        return "the host connects to databases and services; use ctx.datasource or ctx.duckdb"
    if package in NETWORK_CLIENTS:
        return "a script has no network; use ctx.datasource with a datasource of type rest"
    return None


def _no_package(text: str) -> str:
    if text.startswith((".", "/", "#", "\\")):
        return "a script is one file; put the code into it"
    if scheme := _SCHEME.match(text):
        if scheme.group() in {"npm:", "jsr:"}:
            return "write the name of the npm package alone"
        return "nothing is loaded from addresses; import a package of npm by its name"
    if _VERSIONED.fullmatch(text):
        return "write the package's name alone; its version stands in the list of allowed packages"
    return "this is not the name of a package"
