"""The ClickHouse engine (chdb) behind a small HTTP server that speaks ClickHouse's protocol.

Run as a process of its own, `python -m tests.datasources.clickhouse.server DIRECTORY`, because the
engine can end or hang its process; it prints its port. Each request has an engine connection of its
own, on which the user's profile and the request's settings are really set, so that readonly,
max_execution_time, max_result_bytes, input and output formats, parameters, errors and KILL QUERY
are the engine's. Answers are streamed block by block.

What it does not prove, since the HTTP interface of a real server is not here: users, roles and row
policies (there is one engine user, who may do everything; the users here are a list with a
`readonly` each), what SHOW GRANTS shows of a restricted role, constraints of settings, quotas, the
refusal of INTO OUTFILE and of several statements over HTTP, sessions, progress headers, keep-alive
and its timeouts, the server's own detection of a client that has gone, replicas and clusters, other
versions than the engine's, errors before a statement reaches the engine, and the limits of the
length of addresses, forms and bodies. The engine here takes `delete from n` for a SELECT without
the word, which a server does not.
"""

# chdb and pyarrow have no type information.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import argparse
import contextlib
import io
import json
import re
import secrets
import ssl
import sys
import threading
from base64 import b64decode
from collections.abc import Generator, Iterator
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import pyarrow as pa
import zstandard

PASSWORD = "s3cr3t-Passw0rd"
# By name, with the `readonly` of each one's profile.
USERS = {"tester": 0, "reader": 1, "careful": 2}
_NOT_SETTINGS = frozenset(
    {"query", "query_id", "default_format", "database", "wait_end_of_query", "session_id"}
)
_CODE = re.compile(r"Code: (\d+)\.")
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_KILLED = re.compile(r"query_id\s*=\s*'([^']*)'")
_NOT_STREAMED = "Streaming query is not supported"


class Refused(Exception):
    """An error with ClickHouse's code."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = _CODE.search(message)
        self.code = int(found[1]) if found else 1001


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name
        """Say nothing."""

    @property
    def _server(self) -> "Server":
        assert isinstance(self.server, Server)
        return self.server

    def setup(self) -> None:
        """Remember the connection, so that it can be ended."""
        super().setup()
        self._server.connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self._server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        """Answer whether the server is there, or end every other connection."""
        if self.path == "/hang-up":
            self._server.hang_up(but=self.connection)
        self._send(200, b"Ok.\n", {})

    def do_POST(self) -> None:
        """Run a statement."""
        fields = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        pieces = self._pieces()
        level = self._level()
        if level is None:
            text = "Code: 516. DB::Exception: Authentication failed: password is incorrect, or "
            body = f"{text}there is no user with such name. (AUTHENTICATION_FAILED)".encode()
            self.close_connection = True
            self._send(403, body, {"X-ClickHouse-Exception-Code": "516"})
            return
        if "query" in fields and fields["query"].lstrip()[:6].lower() == "insert":
            self._guarded(self._insert, fields, pieces, level)
            return
        body = b"".join(pieces)
        content = self.headers.get("Content-Type", "")
        if content.startswith("multipart/form-data"):
            fields |= _form(content, body)
        else:
            fields["query"] = fields.get("query", "") + body.decode()
        self._guarded(self._query, fields, pieces, level)

    def _guarded(
        self, run: Any, fields: dict[str, str], pieces: Iterator[bytes], level: int
    ) -> None:
        try:
            with self._server.engine(fields, level) as engine:
                run(engine, fields, pieces)
        except (Refused, RuntimeError) as error:
            refused = error if isinstance(error, Refused) else Refused(str(error))
            text = re.sub(r"^.*?(?=Code: \d)", "", str(refused), flags=re.DOTALL)
            for _ in pieces:
                """What is left of the request."""
            headers = {"X-ClickHouse-Exception-Code": str(refused.code)}
            self._send(500, f"{text} (version 26.9.2.1)".encode(), headers)

    def _level(self) -> int | None:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        user, _, password = b64decode(given).decode().partition(":")
        return USERS.get(user) if password == PASSWORD else None

    def _insert(self, engine: Any, fields: dict[str, str], pieces: Iterator[bytes]) -> None:
        sql = fields["query"]
        found = _FORMAT.search(sql)
        if found is None:
            raise Refused("Code: 62. DB::Exception: no FORMAT. (SYNTAX_ERROR)")
        inserter = engine.send_insert(sql[: found.start()], found[1])
        try:
            for piece in pieces:
                inserter.append(piece)
            result = inserter.finish()
        except BaseException:
            inserter.cancel()
            raise
        self._send(200, b"", _summary(result.rows_written))

    def _query(self, engine: Any, fields: dict[str, str], _: Iterator[bytes]) -> None:
        sql = fields["query"]
        values = {name[6:]: text for name, text in fields.items() if name.startswith("param_")}
        chosen = fields.get("default_format", "TabSeparated")
        found = _FORMAT.search(sql)
        kind = found[1] if found else chosen
        if sql.lstrip()[:10].lower() == "kill query":
            sql = _KILLED.sub(r"Settings['log_comment'] = '\1'", sql)
        try:
            stream = engine.send_query(sql, kind, params=values)
            first = stream.fetch()
        except RuntimeError as error:
            if _NOT_STREAMED not in str(error):
                raise
            stream, first = None, None
        if stream is None or first is None:
            self._whole(engine.query(sql, kind, params=values), sql, kind)
            return
        try:
            self._stream(_blocks(first, stream, kind), kind)
        finally:
            stream.cancel()

    def _whole(self, result: Any, sql: str, kind: str) -> None:
        body = result.bytes() if result is not None else b""
        reads = sql.lstrip(" \n(")[:4].lower() in ("sele", "with", "show", "desc", "exis", "expl")
        headers = {"X-ClickHouse-Format": kind} if body or reads else {}
        self._send(200, body, {**headers, **_summary(_written(result))})

    def _stream(self, blocks: Iterator[bytes], kind: str) -> None:
        compress = "zstd" in self.headers.get("Accept-Encoding", "")
        packer = zstandard.ZstdCompressor().compressobj() if compress else None
        tag = secrets.token_hex(8)
        self.send_response(200)
        self.send_header("X-ClickHouse-Format", kind)
        self.send_header("Transfer-Encoding", "chunked")
        if packer:
            self.send_header("Content-Encoding", "zstd")
        if self._server.tagged:
            self.send_header("X-ClickHouse-Exception-Tag", tag)
        self.end_headers()
        broken = False
        try:
            for block in blocks:
                self._chunk(packer.compress(block) if packer else block)
        except RuntimeError as error:
            text = re.sub(r"^.*?(?=Code: \d)", "", str(error), flags=re.DOTALL)
            framed = f"\r\n__exception__\r\n{tag}\r\n{text}\n{len(text)} {tag}\r\n__exception__\r\n"
            told = (framed if self._server.tagged else text).encode()
            self._chunk(packer.compress(told) if packer else told)
            broken = not self._server.tagged
        if packer:
            self._chunk(packer.flush())
        if broken:
            # Older servers leave the answer without an end.
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _pieces(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while True:
            line = self.rfile.readline()
            if not line:
                raise Refused("Code: 209. DB::Exception: the body ended early. (SOCKET_TIMEOUT)")
            size = int(line.split(b";")[0], 16)
            piece = self.rfile.read(size)
            if len(piece) < size:
                raise Refused("Code: 209. DB::Exception: the body ended early. (SOCKET_TIMEOUT)")
            self.rfile.readline()
            if not size:
                return
            yield piece


class Server(ThreadingHTTPServer):
    """The server and its engine."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, directory: Path, *, tagged: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.path = str(directory)
        self.tagged = tagged
        self.connections: set[Any] = set()
        self.lock = threading.Lock()
        # Held open: the engine ends with its last connection.
        self.keeper = chdb.connect(self.path)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up; everything else is said."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @contextlib.contextmanager
    def engine(self, fields: dict[str, str], level: int) -> Generator[Any]:
        """Lend a connection with the profile's and the request's settings."""
        with self.lock:
            connection = chdb.connect(self.path)
        try:
            connection.query(f"SET log_comment = {_quoted(fields.get('query_id', ''))}")
            if "database" in fields:
                connection.query(f"USE `{fields['database']}`")
            if level:
                connection.query(f"SET readonly = {level}")
            settings = {
                name: text
                for name, text in fields.items()
                if name not in _NOT_SETTINGS and not name.startswith("param_")
            }
            # Last: after it nothing can be set.
            for name in sorted(settings, key=lambda name: name == "readonly"):
                connection.query(f"SET {name} = {_quoted(settings[name])}")
            yield connection
        finally:
            with self.lock:
                connection.close()

    def hang_up(self, *, but: Any) -> None:
        """End every connection but one."""
        for connection in list(self.connections):
            if connection is not but:
                with contextlib.suppress(OSError):
                    connection.shutdown(2)


def _blocks(first: Any, stream: Any, kind: str) -> Iterator[bytes]:
    """Yield the blocks; of those in Arrow each has a schema of its own, and the answer has one."""
    parts = _parts(first, stream)
    if kind != "ArrowStream":
        yield from parts
        return
    buffer = io.BytesIO()
    writer = None
    for part in parts:
        with pa.ipc.open_stream(part) as reader:
            writer = writer or pa.ipc.new_stream(buffer, reader.schema)
            for batch in reader:
                writer.write_batch(batch)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    if writer:
        writer.close()
        yield buffer.getvalue()


def _parts(first: Any, stream: Any) -> Iterator[bytes]:
    part = first
    while part is not None:
        yield part.bytes()
        part = stream.fetch()


def _form(content: str, body: bytes) -> dict[str, str]:
    message: Any = BytesParser().parsebytes(f"Content-Type: {content}\r\n\r\n".encode() + body)
    fields: dict[str, str] = {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")
        fields[str(name)] = part.get_payload(decode=True).decode()
    return fields


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _written(result: Any) -> int:
    written: Any = getattr(result, "rows_written", None)
    return int(written()) if written is not None else 0


def _summary(rows: int) -> dict[str, str]:
    return {"X-ClickHouse-Summary": json.dumps({"written_rows": str(rows)})}


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--plain-exceptions", action="store_true")
    parser.add_argument("--certificate", type=Path)
    given = parser.parse_args()
    server = Server(given.directory, tagged=not given.plain_exceptions)
    if given.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
