"""A conversation with a child that a test plays."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

import contextlib
import socket
import threading

from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.conversation import Conversation
from analysis_sandbox.sandbox.outcome import Script
from analysis_sandbox.sandbox.protocol import HEADER
from analysis_sandbox.sandbox.workers import Workers
from tests.sandbox.scripts import FILENAME, Host


class Talk:
    """A conversation with what a child might send."""

    def __init__(self) -> None:
        self.host = Host(
            asynchronous={"duckdb.describe": lambda *given: list(given)},
            synchronous={"metadata.get": lambda *given: list(given)},
        )
        self.workers = Workers("test-conversation")

    def hear(self, *frames: bytes) -> Conversation:
        """Return the conversation after a child has sent these frames and gone."""
        return self.hear_bytes(b"".join(HEADER.pack(len(frame)) + frame for frame in frames))

    def hear_bytes(self, data: bytes) -> Conversation:
        """Return the conversation after a child has sent these bytes and gone."""
        ours, theirs = socket.socketpair()
        limits = Limits(frame_mb=1, log_lines=20, host_calls_in_flight=4)
        script = Script(FILENAME, "", limits)
        conversation = Conversation(ours, script, self.host.functions, self.workers)

        def send() -> None:
            with theirs, contextlib.suppress(OSError):
                theirs.sendall(data)
                theirs.shutdown(socket.SHUT_WR)
                while theirs.recv(65536):
                    pass

        sender = threading.Thread(target=send)
        sender.start()
        conversation.serve(b"[]")
        sender.join()
        return conversation
