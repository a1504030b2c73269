"""What authors need beside the operations: the types of `ctx`, and what they may ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis_sandbox.limits import SystemLimits
from analysis_sandbox.sandbox import runtime


@dataclass(frozen=True, slots=True)
class AuthoringRules:
    """What an installation allows: limits, and by project the npm packages for every analysis."""

    limits: SystemLimits
    packages: Mapping[str, Sequence[str]]

    def allowed_packages(self, project: str, own: Sequence[str] = ()) -> list[str]:
        """Return what an analysis may import: its project's packages and its own, each once."""
        return list(dict.fromkeys([*self.packages.get(project, ()), *own]))


def type_definitions() -> str:
    """Return the TypeScript definitions of everything a script sees."""
    return runtime.read("analysis.d.ts")
