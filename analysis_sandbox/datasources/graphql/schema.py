"""The schema of a GraphQL server, as the server tells it; many do not.

It is asked for at the first use, and anew when it is old or when a request does not fit it.
"""

import threading
from collections.abc import Callable
from typing import Any, cast

from graphql import (
    GraphQLError,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
)

from analysis_sandbox.datasources.http.timing import Timing
from analysis_sandbox.errors import LimitExceededError, QueryError, UnavailableError

Ask = Callable[[str], object]
# Whether the server tells its schema now is looked at again after this time.
_WITHOUT_SCHEMA_SECONDS = 300.0
_YOUNG_SECONDS = 30.0
_BROKEN = (GraphQLError, AttributeError, KeyError, RecursionError, TypeError, ValueError)


class SchemaSource:
    """The current schema. Thread-safe; `ask` sends a query and returns its data."""

    def __init__(self, ask: Ask, *, timing: Timing, ttl_seconds: float, enabled: bool) -> None:
        self._ask = ask
        self._timing = timing
        self._ttl = ttl_seconds
        self._enabled = enabled
        self._lock = threading.Lock()
        self._schema: GraphQLSchema | None = None
        self._reason = "introspection is switched off in the configuration"
        self._read_at: float | None = None

    def schema(self, *, anew: bool = False) -> GraphQLSchema | None:
        """Return the schema; None where the server does not tell it. `anew` asks, if it is old.

        Raises:
            UnavailableError: the server cannot be reached.
        """
        if not self._enabled:
            return None
        with self._lock:
            now = self._timing.monotonic()
            age = float("inf") if self._read_at is None else now - self._read_at
            allowed = self._ttl if self._schema else min(self._ttl, _WITHOUT_SCHEMA_SECONDS)
            if age < (min(allowed, _YOUNG_SECONDS) if anew else allowed):
                return self._schema
            self._schema, self._reason = self._read()
            self._read_at = self._timing.monotonic()
            return self._schema

    @property
    def reason(self) -> str:
        """Why there is no schema."""
        return self._reason

    def _read(self) -> tuple[GraphQLSchema | None, str]:
        reason = ""
        # Older servers do not know deprecated arguments; the others leave them out unasked.
        for deprecated in (True, False):
            query = get_introspection_query(input_value_deprecation=deprecated)
            try:
                data = self._ask(query)
                return build_client_schema(cast("Any", data), assume_valid=True), ""
            except UnavailableError as error:
                # A server that answers at all may answer something else.
                if "status" not in error.details:
                    raise
                reason = error.message
            except (QueryError, LimitExceededError) as error:
                reason = error.message
            except _BROKEN as error:
                reason = f"what it tells cannot be understood ({type(error).__name__})"
        return None, reason
