"""A small npm registry on 127.0.0.1: packages are given as files, and every request is kept."""

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

Files = Mapping[str, str]


class Registry(AbstractContextManager["Registry"]):
    """Serves what `publish` was given."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[str, Any]] = {}
        self._tarballs: dict[str, bytes] = {}
        self.authorizations: list[str | None] = []
        self.refused: set[str] = set()
        self.stuck = threading.Event()
        self.stuck.set()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.authorizations.append(self.headers["Authorization"])
                status, body = registry.answer(unquote(self.path).lstrip("/"))
                registry.stuck.wait(30)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.stuck.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def publish(
        self, name: str, files: Files, *, version: str = "1.0.0", **manifest: object
    ) -> None:
        """Publish a package; `index.js` is its module unless the manifest says otherwise."""
        about = {"name": name, "version": version, "type": "module", "main": "index.js", **manifest}
        tarball = _packed({"package.json": json.dumps(about), **files})
        path = f"{name}/-/{version}.tgz"
        self._tarballs[path] = tarball
        digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
        dist = {"tarball": self.url + path, "integrity": f"sha512-{digest}"}
        self._versions.setdefault(name, {})[version] = {**about, "dist": dist}

    def answer(self, path: str) -> tuple[int, bytes]:
        if path in self._tarballs:
            return 200, self._tarballs[path]
        if path in self.refused:
            return 403, b"{}"
        versions = self._versions.get(path)
        if versions is None:
            return 404, b"{}"
        latest = list(versions)[-1]
        about = {"name": path, "dist-tags": {"latest": latest}, "versions": versions}
        return 200, json.dumps(about).encode()


def _packed(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()
