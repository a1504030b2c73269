"""The JavaScript that scripts see, and its type definitions."""

from pathlib import Path

# In the order of their needs: each takes the shared object and adds to it.
SCRIPTS = ("bridge.js", "values.js", "prelude.js", "console.js", "ctx.js", "entries.js")
TYPE_DEFINITIONS = "analysis.d.ts"
# What stacks say instead of a file of the author; the scripts know it too.
PREFIX = "analysis-sandbox:"


def read(name: str) -> str:
    """Return the text of one runtime file."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def scripts() -> list[tuple[str, str]]:
    """Return the runtime scripts in order, each with the name that stacks give it."""
    return [(PREFIX + name, read(name)) for name in SCRIPTS]
