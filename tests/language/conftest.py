"""One sandbox for all cases."""

from collections.abc import Iterator

import pytest

from analysis_sandbox.sandbox.supervisor import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox
