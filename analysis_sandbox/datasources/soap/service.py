"""What a WSDL describes: the operations, how each is called and where; read with zeep.

zeep fetches nothing itself: every document goes through a function that it is given.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from zeep.exceptions import Error as ZeepError
from zeep.settings import Settings
from zeep.wsdl import Document
from zeep.wsdl.bindings import Soap11Binding, Soap12Binding

from analysis_sandbox.datasources.soap.parsing import XMLProblem, xml
from analysis_sandbox.datasources.soap.schema import Element, Schema, element_of
from analysis_sandbox.errors import ConfigurationError

# At its level DEBUG it tells what is sent, and with it what proves who we are.
logging.getLogger("zeep").setLevel(logging.ERROR)
# What zeep raises for a document that is not as it expects.
_BROKEN = (
    *(ZeepError, AttributeError, AssertionError, IndexError, KeyError, NotImplementedError),
    *(RecursionError, RuntimeError, TypeError, ValueError, cast("type[Exception]", xml.Error)),
)
Load = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Message:
    """What stands in the body of a call or an answer; no element if nothing does.

    Where it is `whole`, the element is the body itself.
    """

    element: Element | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class SOAPOperation:
    """One operation; `answer` is None where the service says nothing."""

    name: str
    service: str
    port: str
    address: str
    is_12: bool
    action: str
    call: Message
    answer: Message | None
    addressing_action: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """The operations of a WSDL, by name, and its types."""

    operations: dict[str, SOAPOperation]
    schema: Schema


class _Loader:
    """What zeep takes for a transport."""

    def __init__(self, load: Load) -> None:
        self.load = load


def read_service(
    location: str, load: Load, *, name: str, service: str | None = None, port: str | None = None
) -> Service:
    """Return what a WSDL describes; of several services and ports those that are named.

    Raises:
        ConfigurationError: it is none, or describes nothing that can be called.
        Whatever `load` raises of this package's errors.
    """
    settings = cast("Any", Settings)(forbid_dtd=True, forbid_entities=True, xml_huge_tree=False)
    try:
        document: Any = Document(location, cast("Any", _Loader(load)), settings=settings)
        operations = _operations(document, service, port)
        schema = Schema(document.types)
    except XMLProblem as error:
        raise _not_a_wsdl(name, f"or a document that it imports, {error}") from None
    except _BROKEN as error:
        told = str(error).partition("\n")[0][:200] or type(error).__name__
        raise _not_a_wsdl(name, f"cannot be understood ({told})") from error
    if not operations:
        raise _nothing_to_call(document, name, service, port)
    return Service(operations, schema)


def _operations(
    document: Any, service_name: str | None, port_name: str | None
) -> dict[str, SOAPOperation]:
    found: dict[str, SOAPOperation] = {}
    for service in document.services.values():
        for port in service.ports.values():
            binding = port.binding
            is_wanted = service_name in (None, service.name) and port_name in (None, port.name)
            if not is_wanted or not isinstance(binding, Soap11Binding | Soap12Binding):
                continue
            for operation in cast("Any", binding).all().values():
                # Several ports offer the same in other versions: the first is as good.
                if operation.input is not None and operation.name not in found:
                    found[operation.name] = _operation(operation, service, port)
    return found


def _operation(operation: Any, service: Any, port: Any) -> SOAPOperation:
    answer = operation.output
    has_answer = answer is not None and operation.abstract.output_message is not None
    return SOAPOperation(
        name=operation.name,
        service=service.name,
        port=port.name,
        address=cast("dict[str, str]", port.binding_options or {}).get("address") or "",
        is_12=isinstance(port.binding, Soap12Binding),
        action=operation.soapaction or "",
        call=_message(operation.input),
        answer=_message(answer) if has_answer else None,
        addressing_action=operation.abstract.wsa_action,
    )


def _message(message: Any) -> Message:
    if message.body is None:
        return Message()
    # zeep keeps to itself whether the element is the body.
    return Message(element_of(message.body), bool(message._is_body_wrapped))


def _not_a_wsdl(name: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"Datasource {name!r}: its WSDL {reason}",
        hint="Set wsdl to the address or the file of a WSDL 1.1 document.",
        details={"datasource": name},
    )


def _nothing_to_call(
    document: Any, name: str, service: str | None, port: str | None
) -> ConfigurationError:
    ports = [f"{s.name}/{p}" for s in document.services.values() for p in s.ports]
    asked = f" in service {service or 'any'}, port {port or 'any'}" if service or port else ""
    return ConfigurationError(
        f"Datasource {name!r}: its WSDL has no SOAP operation{asked}",
        hint=f"It has these services and ports: {', '.join(ports) or 'none'}.",
        details={"datasource": name, "ports": ports},
    )
