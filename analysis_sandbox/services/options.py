"""Use case: the choices of one parameter, static or asked of the script, remembered for a while."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import NotFoundError, ValidationFailedError
from analysis_sandbox.execution.evaluation import Evaluator
from analysis_sandbox.execution.versions import StoredVersion, VersionCache
from analysis_sandbox.script.definition import ParameterSpec
from analysis_sandbox.services.access import Principal
from analysis_sandbox.services.models import Options

CACHE_SECONDS = 60.0
_CACHE_ENTRIES = 2_000


class OptionsService:
    """Answers what a form may offer for a parameter."""

    def __init__(
        self, *, versions: VersionCache, evaluator: Evaluator, connections: Connections
    ) -> None:
        self._versions = versions
        self._evaluator = evaluator
        self._connections = connections
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, tuple[float, list[dict[str, Any]]]] = OrderedDict()

    def options(
        self,
        caller: Principal,
        analysis_id: str,
        parameter: str,
        current_params: Mapping[str, object],
        *,
        refresh: bool = False,
    ) -> Options:
        """Return the choices, given the form's values so far; `refresh` asks the script again.

        Raises:
            NotFoundError: no such analysis or parameter.
            ValidationFailedError: the parameter offers no choices.
            ScriptError: the options function failed.
        """
        version = self._versions.current(caller.project, analysis_id)
        spec = _spec(version, parameter)
        if not spec.has_dynamic_options:
            if spec.options is None:
                raise ValidationFailedError(
                    f"Parameter '{parameter}' of type {spec.type} has no options"
                )
            return Options(options=[option.model_dump(mode="json") for option in spec.options])
        key = self._key(version, parameter, spec, current_params)
        found = None if refresh else self._remembered(key)
        if found is None:
            found = self._evaluator.options(version, parameter, current_params)
            self._remember(key, found)
        return Options(options=found)

    def _key(
        self,
        version: StoredVersion,
        parameter: str,
        spec: ParameterSpec,
        current: Mapping[str, object],
    ) -> str:
        depended = {name: current.get(name) for name in spec.depends_on}
        return json.dumps(
            [
                version.record.project,
                str(version.record.analysis_id),
                version.record.version,
                parameter,
                depended if spec.depends_on else dict(current),
                self._connections.revision,
            ],
            sort_keys=True,
            default=str,
        )

    def _remembered(self, key: str) -> list[dict[str, Any]] | None:
        with self._lock:
            entry = self._cache.get(key)
        if entry is None or time.monotonic() - entry[0] > CACHE_SECONDS:
            return None
        return entry[1]

    def _remember(self, key: str, options: list[dict[str, Any]]) -> None:
        with self._lock:
            self._cache[key] = (time.monotonic(), options)
            self._cache.move_to_end(key)
            while len(self._cache) > _CACHE_ENTRIES:
                self._cache.popitem(last=False)


def _spec(version: StoredVersion, parameter: str) -> ParameterSpec:
    specs = version.definition.parameters or {}
    try:
        return specs[parameter]
    except KeyError:
        raise NotFoundError(
            f"Analysis '{version.record.name}' has no parameter '{parameter}'",
            hint=f"It has: {', '.join(specs) or 'none'}.",
        ) from None
