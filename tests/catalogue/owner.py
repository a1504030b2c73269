"""A process that owns a home's PostgreSQL until it is killed.

Started as `python -m tests.catalogue.owner HOME`; it says the server's pid once that answers.
"""

import signal
import sys
from pathlib import Path

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.settings import Settings


def main() -> None:
    server = EmbeddedPostgres(Settings(home=Path(sys.argv[1])))
    server.start()
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main()
