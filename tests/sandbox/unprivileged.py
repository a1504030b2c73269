"""Runs scripts in a sandbox as an ordinary user; prints a value, the layers, and an error.

Started as root it becomes another user first, and keeps the one capability that lets the fork
server's interpreter be read from a home that is closed to others.
"""

import ctypes
import json
import os
import resource
import struct
import sys
from pathlib import Path

from analysis_sandbox.sandbox.supervisor import Sandbox
from tests.sandbox.scripts import Host, call

_USER = 23_456
_READ_ANYTHING = 2
_CAPSET = {"x86_64": 126, "aarch64": 91}


def become_ordinary() -> None:
    """Give up root."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(8, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(_USER, _USER, _USER)
    os.setresuid(_USER, _USER, _USER)
    bits = 1 << _READ_ANYTHING
    header = struct.pack("Ii", 0x20080522, 0)
    capabilities = struct.pack("6I", bits, bits, bits, 0, 0, 0)
    assert libc.syscall(_CAPSET[os.uname().machine], header, capabilities) == 0
    assert libc.prctl(47, 2, _READ_ANYTHING, 0, 0) == 0


if __name__ == "__main__":
    if os.geteuid() == 0:
        become_ordinary()
    with Sandbox() as sandbox:
        outcome = sandbox.run(call("return { ok: 1 };"), Host().functions)
        layers = dict(outcome.layers)
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        [server] = map(int, children.read_text(encoding="ascii").split())
        # From here on the fork server cannot fork; one child is forked ahead already.
        resource.prlimit(server, resource.RLIMIT_NPROC, (0, 0))
        errors = [str(sandbox.run(call("return {};"), Host().functions).error) for _ in range(2)]
        sys.stdout.write(json.dumps([outcome.value, layers, errors[1]]))
