"""Turns a fresh interpreter into a PostgreSQL program; run as a script, never imported.

Arguments: the pid of the owner (or nothing), user and group id (or nothing), the directory to
enter, then the command (without one: only tell by the exit code whether the directory can be
entered). Running this between fork and exec of a threaded process instead would not be safe.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Give up root, enter the directory, end with the owner, become the program."""
    owner, user, group, directory, *command = sys.argv[1:]
    if user:
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    os.chdir(directory)
    if owner and sys.platform == "linux":
        # SIGINT is PostgreSQL's fast shutdown: clients are cut off, nothing needs recovery.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != int(owner):
            raise SystemExit("The owner has ended")
    if command:
        os.execv(command[0], command)  # noqa: S606 - its whole purpose


if __name__ == "__main__":
    main()
