"""Runs one script where the kernel refuses seccomp filters. Argument: 1 to allow a weak sandbox."""

import ctypes
import json
import struct
import sys

from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.sandbox import seccomp
from analysis_sandbox.sandbox.supervisor import Sandbox
from tests.sandbox.scripts import Host, call

_PRCTL = {0xC000003E: 157, 0xC00000B7: 167}
_NEW, _SECCOMP_ARGUMENT = 38, 22
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001


def refuse_filters() -> None:
    """Install a filter that refuses prctl(PR_SET_SECCOMP) to this process and its descendants."""
    identity = struct.unpack_from("<I", seccomp.build(), 12)[0]
    instructions = [
        (0x20, 0, 0, 0),
        (0x15, 0, 3, _PRCTL[identity]),
        (0x20, 0, 0, 16),
        (0x15, 0, 1, _SECCOMP_ARGUMENT),
        (0x06, 0, 0, _REFUSE),
        (0x06, 0, 0, _ALLOW),
    ]
    ctypes.CDLL(None).prctl(_NEW, 1, 0, 0, 0)
    seccomp.install(b"".join(struct.pack("HBBI", *each) for each in instructions))


if __name__ == "__main__":
    refuse_filters()
    with Sandbox(allow_weak=sys.argv[1] == "1") as sandbox:
        try:
            outcome = sandbox.run(call("return { ok: 1 };"), Host().functions)
        except ConfigurationError as error:
            sys.stdout.write(json.dumps([str(error), error.hint]))
        else:
            sys.stdout.write(json.dumps([outcome.value, outcome.layers["seccomp"]]))
