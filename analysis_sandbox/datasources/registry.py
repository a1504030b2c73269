"""Finds datasource types by name, through entry points."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from analysis_sandbox.datasources.base import Datasource
from analysis_sandbox.errors import ConfigurationError, MissingDependencyError

GROUP = "analysis_sandbox.datasources"


@cache
def installed_types() -> dict[str, tuple[EntryPoint, ...]]:
    """Return the entry points of every installed type by its name. Imports no driver."""
    found: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        # A package seen twice, for example as an editable install, is one claim.
        found.setdefault(entry.name, {})[_package(entry), entry.value] = entry
    return {name: tuple(entries.values()) for name, entries in sorted(found.items())}


@cache
def load_type(type_name: str) -> type[Datasource]:
    """Return the class of a type, importing its driver now.

    Raises:
        ConfigurationError: no installed package has the type, or more than one has.
        MissingDependencyError: its driver is not installed.
    """
    claims = list(installed_types().get(type_name, ()))
    if not claims:
        raise ConfigurationError(
            f"Unknown datasource type {type_name!r}. Known types: {', '.join(installed_types())}"
        )
    if len(claims) > 1:
        packages = ", ".join(sorted(_package(entry) for entry in claims))
        raise ConfigurationError(
            f"Datasource type {type_name!r} is claimed by more than one package: {packages}",
            hint="Uninstall all but one of them.",
        )
    entry = claims[0]
    try:
        return entry.load()
    except ImportError as error:
        extras = f"[{','.join(entry.extras)}]" if entry.extras else ""
        raise MissingDependencyError(
            f"Datasource type {type_name!r} needs the module {error.name!r}, which cannot be "
            f"imported. Install it with: pip install '{_package(entry)}{extras}'"
        ) from error
    except AttributeError as error:
        raise ConfigurationError(
            f"Package {_package(entry)!r} claims the datasource type {type_name!r}, "
            f"but has no {entry.value}"
        ) from error


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.module
