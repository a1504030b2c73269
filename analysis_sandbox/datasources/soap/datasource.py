"""SOAP services, by their WSDL.

The WSDL is read at the first use and asked for again when it is old. Parameters are checked against
it before anything is sent. A read-only datasource calls only the operations that its configuration
lists as reading.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from analysis_sandbox.datasources.base import (
    Check,
    DatasourceConfig,
    Operation,
    read_only_error,
)
from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.discovery import (
    access_check,
    connection_check,
    no_rows,
    not_found,
    reached,
)
from analysis_sandbox.datasources.http.messages import HTTPAnswer, HTTPRequest, status_error
from analysis_sandbox.datasources.http.timing import SYSTEM_TIMING, Timing
from analysis_sandbox.datasources.soap.config import SOAPConfig, is_url
from analysis_sandbox.datasources.soap.description import described
from analysis_sandbox.datasources.soap.messages import (
    answer_body,
    answer_value,
    call_envelope,
    fault_error,
    fault_of,
)
from analysis_sandbox.datasources.soap.parsing import XMLProblem
from analysis_sandbox.datasources.soap.service import Service, SOAPOperation
from analysis_sandbox.datasources.soap.source import ServiceSource
from analysis_sandbox.errors import QueryError, UnsupportedOperationError
from analysis_sandbox.values import EncodedJSON, JSONObject

# Faults come with these.
_ACCEPTED = frozenset({400, 500})
# What services answer to who does not post.
_NOT_FOR_GET = frozenset({500, 501})
_NAMES_IN_A_HINT = 50


class SOAPDatasource:
    """One SOAP service."""

    type_name: ClassVar[str] = "soap"
    config_model: ClassVar[type[DatasourceConfig]] = SOAPConfig
    write_operations: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        config: SOAPConfig,
        *,
        name: str,
        client: HTTPClient | None = None,
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        self._name = name
        self._config = config
        self._source = ServiceSource(config, name=name, client=client, timing=timing)

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return `call`; the WSDL tells what it reaches."""
        return ("call",)

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource; the first call reads the WSDL."""
        assert isinstance(config, SOAPConfig)
        return cls(config, name=name)

    def operations(self) -> Mapping[str, Operation]:
        """Return what a script may call."""
        return {"call": self.call}

    def check_reads(self, operation: str, arguments: Sequence[object]) -> None:
        """Refuse what may write, whatever the configuration allows.

        Raises:
            ReadOnlyError: the operation is none of those listed as reading.
        """
        asked = arguments[0] if arguments else None
        if asked not in self._config.operations:
            raise self._may_write(asked)

    def call(self, operation: str, params: object = None) -> object:
        """Call an operation of the service and return its answer.

        Raises:
            UnsupportedOperationError: the service has no such operation.
            ReadOnlyError: the datasource is read-only, and the operation is not listed.
            ValidationFailedError: the parameters do not fit; every problem is named.
            QueryError: the service answered with a fault, or something that is no answer.
            ConfigurationError, StatementRefusedError: as `ServiceSource.service`.
            UnavailableError, LimitExceededError: as `HTTPClient.send`.
        """
        service = self._source.service()
        found = self._operation(service, operation)
        if self._config.access == "read_only":
            self.check_reads("call", (operation,))
        address = self._source.address(found)
        content, headers = call_envelope(
            found,
            params,
            schema=service.schema,
            address=str(address),
            token=self._config.ws_security,
        )
        # What only reads may be sent again where an answer was lost.
        is_reading = operation in self._config.operations
        request = HTTPRequest(
            "POST", address, headers, content, idempotent=is_reading, accepted=_ACCEPTED
        )
        client = self._source.client(found)
        with client.operation():
            return self._answered(request, client.send(request), found, service)

    def catalog(self) -> list[JSONObject]:
        """Return the operations of the service."""
        return [self._entry(found) for found in self._source.service().operations.values()]

    def describe(self, name: str) -> JSONObject:
        """Return one operation with the fields of its parameters and of its answer.

        Raises:
            NotFoundError: there is none of this name; the message has the nearest.
        """
        service = self._source.service()
        found = service.operations.get(name)
        if found is None:
            raise not_found(name, service.operations, source=self._name, kind="operation")
        return {
            **self._entry(found),
            "parameters": described(found.call, service.schema),
            "answer": described(found.answer, service.schema),
        }

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Raise `UnsupportedOperationError`: an operation has no rows."""
        raise no_rows(name, source=self._name)

    def test(self) -> Sequence[Check]:
        """Read the WSDL, and tell what keeps a read-only datasource so."""
        connection = connection_check(self._reached)
        listed = ", ".join(self._config.operations) or "none"
        access = access_check(
            self._config.access, enforced_by=f"Only the operations listed are called: {listed}."
        )
        return (connection, access, *(self._listed_checks() if connection.ok else ()))

    def cancel(self) -> None:
        """End every request that runs now."""
        self._source.cancel()

    def close(self) -> None:
        """Close the connections."""
        self._source.close()

    def _answered(
        self, request: HTTPRequest, answer: HTTPAnswer, operation: SOAPOperation, service: Service
    ) -> object:
        client = self._source.client(operation)
        if not answer.body and answer.status not in _ACCEPTED:
            return None
        try:
            body = answer_body(answer)
        except XMLProblem as error:
            excerpt = client.excerpt(answer.body)
            if answer.status in _ACCEPTED:
                raise status_error(
                    request, answer, name=self._name, excerpt=excerpt, retry_after=None
                ) from None
            raise QueryError(
                f"Datasource {self._name!r}: the answer to {operation.name} {error}: {excerpt}",
                details={"datasource": self._name, "status": answer.status},
            ) from None
        fault = fault_of(
            body,
            schema=service.schema,
            name=self._name,
            shown=lambda text: client.excerpt(text.encode()),
        )
        if fault is not None:
            raise fault_error(fault, operation.name, name=self._name)
        return answer_value(body, operation, schema=service.schema, name=self._name)

    def _operation(self, service: Service, asked: object) -> SOAPOperation:
        known = service.operations
        found = known.get(asked) if isinstance(asked, str) else None
        if found is None:
            text = str(asked)[:100]
            nearest = difflib.get_close_matches(text, known, n=1, cutoff=0.5)
            raise UnsupportedOperationError(
                f"Datasource {self._name!r} (soap) has no operation {text!r}"
                + (f"; did you mean {nearest[0]}?" if nearest else ""),
                hint=f"It offers: {', '.join(sorted(known)[:_NAMES_IN_A_HINT])}.",
                details={"datasource": self._name, "operations": sorted(known)},
            )
        return found

    def _may_write(self, operation: object) -> Exception:
        return read_only_error(
            self._name,
            f"{str(operation)[:100]} is not among the operations that the configuration lists as "
            "reading",
        )

    def _entry(self, operation: SOAPOperation) -> JSONObject:
        return {
            "name": operation.name,
            "kind": "operation",
            "service": operation.service,
            "soap_version": "1.2" if operation.is_12 else "1.1",
            "writes": operation.name not in self._config.operations,
        }

    def _reached(self) -> str:
        operations = self._source.service().operations
        told = f"The WSDL was read: it has {len(operations)} operations."
        if is_url(self._config.wsdl):
            return told
        first = next(iter(operations.values()))
        client, address = self._source.client(first), self._source.address(first)
        return f"{told} {reached(client, address, further=_NOT_FOR_GET)}"

    def _listed_checks(self) -> Sequence[Check]:
        known = self._source.service().operations
        missing = [name for name in self._config.operations if name not in known]
        if not missing:
            return (Check("operations", ok=True, detail="Every listed operation exists."),)
        told = sorted(known)[:_NAMES_IN_A_HINT]
        return (
            Check(
                "operations",
                ok=False,
                detail=f"The WSDL has no {', '.join(missing)}; it has {', '.join(told)}.",
            ),
        )
