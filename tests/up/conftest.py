"""One running installation for the tests that leave it as it is, fresh ones for the others."""

from collections.abc import Iterator

import pytest

from bench.installation import Installation, home_directory, installation


@pytest.fixture(scope="session")
def shared_up() -> Iterator[Installation]:
    """A running installation that no test stops or damages for good."""
    with installation() as running:
        yield running


@pytest.fixture
def fresh_home() -> Iterator[Installation]:
    """An installation that is not started yet; whatever still runs at the end is ended."""
    with home_directory() as home:
        prepared = Installation(home)
        try:
            yield prepared
        finally:
            if prepared.process is not None:
                prepared.stop()
