"""What a full disk does: a clear error, nothing acknowledged lost, and it heals by itself."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.conftest import Home

_OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
_SCENARIO = Path(__file__).with_name("full_disk.py")


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    mount = ("mount", "-t", "tmpfs", "-o", "size=1m", "disk", "/mnt")
    return subprocess.run([*_OWN_MOUNTS, *mount], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="this machine lets nobody mount a small disk")
def test_a_full_disk_is_a_clear_error_that_ends_when_there_is_space(home: Home) -> None:
    answer = subprocess.run(
        [*_OWN_MOUNTS, sys.executable, "-m", "tests.warehouse.full_disk", str(home.settings.home)],
        check=False,
        capture_output=True,
        text=True,
        cwd=_SCENARIO.parents[2],
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    facts: dict[str, Any] = json.loads(answer.stdout)

    for error in (facts["large"], *facts["errors"]):
        assert (error["code"], error["transient"]) == ("UNAVAILABLE", True)
        assert "disk is full" in error["message"]
        assert "No space left on device" in error["message"]
        assert "Free some space" in error["hint"]
        assert str(home.settings.home) not in error["message"]
    assert len(facts["acknowledged"]) > 10
    assert set(facts["acknowledged"]) <= set(facts["while_full"])
    assert facts["healed"] is facts["healed_again"] is None
    assert {*facts["while_full"], -1, -2} == set(facts["afterwards"])
    assert len(facts["afterwards"]) == len(set(facts["afterwards"]))
