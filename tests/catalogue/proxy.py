"""A wire between a client and PostgreSQL that loses one answer: the work is done, nobody hears."""

import contextlib
import socket
import threading
from collections.abc import Generator
from pathlib import Path

_SOCKET = ".s.PGSQL.5432"


class LossyWire:
    """Forwards everything, except the answer to the first message that holds `lose`."""

    def __init__(self, directory: Path, server: Path) -> None:
        self.lose: bytes | None = None
        self.lost = 0
        self._server = server / _SOCKET
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(directory / _SOCKET))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server))
            losing = threading.Event()
            answers = threading.Thread(
                target=self._forward_answers, args=(server, client, losing), daemon=True
            )
            answers.start()
            with contextlib.suppress(OSError):
                while data := client.recv(1 << 16):
                    if self.lose is not None and self.lose in data:
                        self.lose = None
                        losing.set()
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
            answers.join(timeout=10)

    def _forward_answers(
        self, server: socket.socket, client: socket.socket, losing: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                if losing.is_set():
                    self.lost += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)


@contextlib.contextmanager
def lossy_wire(directory: Path, server: Path) -> Generator[LossyWire]:
    """Run a wire that listens in `directory` and leads to the server of the home `server`."""
    wire = LossyWire(directory, server)
    try:
        yield wire
    finally:
        wire.close()
