"""Use cases about a warehouse's file as a whole, on the machine that has it: backup, restore."""

from pathlib import Path

from analysis_sandbox.settings import Settings
from analysis_sandbox.warehouse import maintenance


def backup(settings: Settings, project: str, target: Path) -> int:
    """Write a copy of the warehouse as of now, beside running work; return its size in bytes."""
    return maintenance.backup(settings, project, target)


def restore(settings: Settings, project: str, source: Path, *, force: bool = False) -> Path | None:
    """Put a backup in the warehouse's place; return where the replaced file is kept."""
    return maintenance.restore(settings, project, source, force=force)


def compact(settings: Settings, project: str, *, force: bool = False) -> tuple[int, int]:
    """Rewrite the file without the space of what was deleted; return both sizes in bytes."""
    sizes = maintenance.compact(settings, project, force=force)
    return sizes.before, sizes.after
