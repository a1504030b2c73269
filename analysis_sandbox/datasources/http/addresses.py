"""Which hosts and addresses a datasource may reach over HTTP.

Only globally routable unicast addresses, unless the configuration allows private ones for the
hosts that it names itself. Addresses that carry another address inside, and those where clouds
answer with credentials, are never reached. A host that is written in an unusual way is refused
before anybody looks it up.
"""

import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Literal, TypeAlias

from analysis_sandbox.errors import StatementRefusedError, UnavailableError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
Reach = Literal["global", "private", "never"]

# Reached only where the configuration names the host and allows private addresses.
_PRIVATE: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), kind)
    for network, kind in (
        ("127.0.0.0/8", "a loopback address"),
        ("10.0.0.0/8", "a private address"),
        ("172.16.0.0/12", "a private address"),
        ("192.168.0.0/16", "a private address"),
        ("100.64.0.0/10", "an address shared behind a provider's translation"),
        ("::1/128", "a loopback address"),
        ("fc00::/7", "a private address"),
    )
)
# Looked at first, since some lie within private or global networks.
_NEVER: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), kind)
    for network, kind in (
        ("169.254.169.254/32", "a cloud's metadata service"),
        ("169.254.170.2/32", "a cloud's metadata service"),
        ("100.100.100.200/32", "a cloud's metadata service"),
        ("168.63.129.16/32", "a cloud's metadata service"),
        ("fd00:ec2::254/128", "a cloud's metadata service"),
        ("fd20:ce::254/128", "a cloud's metadata service"),
        ("fd00:42::42/128", "a cloud's metadata service"),
        ("0.0.0.0/8", "an unspecified address"),
        ("169.254.0.0/16", "a link-local address"),
        ("192.0.0.0/24", "an address of a protocol"),
        ("192.0.2.0/24", "an address of documentation"),
        ("192.31.196.0/24", "an address of a protocol"),
        ("192.52.193.0/24", "an address of a protocol"),
        ("192.88.99.0/24", "an address of a tunnel"),
        ("192.175.48.0/24", "an address of a protocol"),
        ("198.18.0.0/15", "an address of benchmarks"),
        ("198.51.100.0/24", "an address of documentation"),
        ("203.0.113.0/24", "an address of documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "an unspecified address"),
        ("::ffff:0:0/96", "an IPv4 address in an IPv6 one"),
        ("64:ff9b::/96", "an IPv4 address in an IPv6 one"),
        ("64:ff9b:1::/48", "an IPv4 address in an IPv6 one"),
        ("2001::/32", "an IPv4 address in an IPv6 one"),
        ("2001::/23", "an address of a protocol"),
        ("2001:db8::/32", "an address of documentation"),
        ("2002::/16", "an IPv4 address in an IPv6 one"),
        ("2620:4f:8000::/48", "an address of a protocol"),
        ("3fff::/20", "an address of documentation"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
    )
)
# Everything else in IPv6 is special or not assigned.
_GLOBAL_IPV6 = ip_network("2000::/3")
# Routers of the ISATAP tunnel deliver to the IPv4 address in the last 32 bits.
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LAST_LABEL_OF_A_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})


def classify(address: Address) -> tuple[Reach, str]:
    """Return who may reach an address, and in words what it is."""
    for network, kind in _NEVER:
        if address in network:
            return "never", kind
    for network, kind in _PRIVATE:
        if address in network:
            return "private", kind
    if isinstance(address, IPv6Address):
        if address not in _GLOBAL_IPV6:
            return "never", "not a global address"
        if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
            return "never", "an IPv4 address in an IPv6 one"
    return "global", "a global address"


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Return a host's addresses as the system knows them.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Turns a host into the addresses that may be dialled, or refuses it.

    `private_origins` are the (host, port) pairs that may have private addresses. `name` is the
    datasource's, for messages.
    """

    name: str
    private_origins: frozenset[tuple[str, int]] = frozenset()
    resolve: Resolver = field(default=system_resolver)

    def addresses(self, host: str, port: int, *, timeout: float) -> list[Address]:
        """Look a host up once and return its addresses, every one of them checked.

        Raises:
            StatementRefusedError: the host is written in an unusual way, or one of its addresses
                may not be reached.
            UnavailableError: the host is not known, or nobody answered in time.
        """
        may_be_private = (host, port) in self.private_origins
        literal = self.check_host(host)
        if literal is None and _is_local_name(host) and not may_be_private:
            raise self._refused(host, "is a name of this machine", can_be_allowed=True)
        addresses = [literal] if literal else self._resolved(host, port, timeout)
        for address in addresses:
            reach, kind = classify(address)
            if reach == "never" or (reach == "private" and not may_be_private):
                named = host if literal else f"{host} ({address})"
                raise self._refused(named, f"is {kind}", can_be_allowed=reach == "private")
        return addresses

    def check_host(self, host: str) -> Address | None:
        """Return the address if a host is one; None for a name.

        Raises:
            StatementRefusedError: it is neither in its usual form.
        """
        if ":" in host:
            return self._literal(host, IPv6Address)
        last = host.rpartition(".")[2]
        if _LAST_LABEL_OF_A_NUMBER.fullmatch(last):
            return self._literal(host, IPv4Address)
        if host.endswith("."):
            raise self._refused(host, "must be written without the dot at its end")
        if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
            raise self._refused(host, "is not a host name")
        return None

    def _literal(self, host: str, kind: type[IPv4Address] | type[IPv6Address]) -> Address:
        # A zone names a network interface of this machine.
        if "%" in host:
            raise self._refused(host, "must be an address without a zone")
        try:
            return kind(host)
        except ValueError:
            raise self._refused(host, "is not an address in its usual form") from None

    def _resolved(self, host: str, port: int, timeout: float) -> list[Address]:
        outcome: list[Sequence[str] | OSError | UnicodeError] = []

        def look_up() -> None:
            try:
                outcome.append(self.resolve(host, port))
            except (OSError, UnicodeError) as error:
                outcome.append(error)

        # A look-up cannot be interrupted: a thread that nobody waits for any more does no harm.
        thread = threading.Thread(target=look_up, name=f"resolve-{host}", daemon=True)
        thread.start()
        thread.join(timeout)
        found = outcome[0] if outcome else TimeoutError("no answer in time")
        if isinstance(found, Exception) or not found:
            cause = found if isinstance(found, Exception) else None
            raise UnavailableError(
                f"Datasource {self.name!r}: the host {host} cannot be resolved",
                hint="Check the host's name and the name servers.",
                details={"datasource": self.name, "host": host},
            ) from cause
        return [self._parsed(text, host) for text in found]

    def _parsed(self, text: str, host: str) -> Address:
        if "%" in text:
            raise self._refused(f"{host} ({text})", "is a link-local address")
        return ip_address(text)

    def _refused(
        self, host: str, reason: str, *, can_be_allowed: bool = False
    ) -> StatementRefusedError:
        hint = (
            "An administrator can set allow_private_addresses: true; it holds for the hosts that "
            "the configuration names, never for redirects to others."
        )
        return StatementRefusedError(
            f"Datasource {self.name!r} may not connect: {host} {reason}",
            hint=hint if can_be_allowed else "Only public addresses are reached.",
            details={"datasource": self.name, "host": host, "reason": reason},
        )


def _is_local_name(host: str) -> bool:
    return host in _LOCAL_NAMES or host.endswith((".localhost", ".localdomain"))
