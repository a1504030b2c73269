"""What an author needs beside the operations: the type definitions of `ctx`."""

from analysis_sandbox.sandbox import runtime


def type_definitions() -> str:
    """Return the TypeScript definitions of everything a script sees."""
    return runtime.read("analysis.d.ts")
