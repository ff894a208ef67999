"""Which addresses this service may send to, whoever names them.

A name is looked up each time that something is sent, and what it leads to then is what is
connected to: it must not lead into the network that the service itself stands in.
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from matcher.errors import MatcherError

_LONGEST = 2000
_Address = IPv4Address | IPv6Address
# Addresses that a network with IPv6 only translates to IPv4.
_TRANSLATED = IPv6Network("64:ff9b::/96")


class TargetError(MatcherError):
    """The address is not one that may be sent to; says why and does not repeat it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to connect to, and what to ask for there."""

    address: str
    url: SplitResult

    @property
    def connect_to(self) -> str:
        """The URL with the address in place of the name."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        port = "" if self.url.port is None else f":{self.url.port}"
        return self.url._replace(netloc=f"{host}{port}").geturl()


def check_url(text: str, *, local: bool) -> SplitResult:
    """The parts of a URL that may be sent to, as far as it says so itself. Raises TargetError.

    It is https; in a ``local`` environment it may be http, and lead to this machine.
    """
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        raise TargetError("give an address of plain characters")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise TargetError("this is not an address") from None
    if url.scheme != "https" and not (local and url.scheme == "http"):
        raise TargetError("give an https:// address")
    if not url.hostname or url.username is not None or url.password is not None or port == 0:
        raise TargetError("give an address with a host, and without a user or password")
    if url.fragment:
        raise TargetError("give an address without a fragment (#...): no server is told of it")
    if url.scheme == "http" and not _is_loopback(url.hostname):
        raise TargetError("without https only this machine itself may be sent to")
    literal = _literal(url.hostname)
    if literal is not None:
        _check_address(literal, local=local)
    elif not local and url.hostname.rstrip(".").endswith(("localhost", ".local", ".internal")):
        raise TargetError("the address leads into a private network")
    return url


def resolve(text: str, *, local: bool) -> Target:
    """What a URL leads to now. Raises TargetError if any part of it may not be sent to."""
    url = check_url(text, local=local)
    assert url.hostname
    try:
        found = socket.getaddrinfo(url.hostname, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TargetError("the host is not known") from None
    addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    for address in addresses:
        _check_address(address, local=local)
    return Target(str(addresses[0]), url)


def _check_address(address: _Address, *, local: bool) -> None:
    if local and address.is_loopback:
        return
    real = _inner(address)
    if not real.is_global or real.is_multicast or real.is_reserved:
        raise TargetError("the address leads into a private network")


def _inner(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv6Address):
        if address in _TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _literal(host: str) -> _Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" if literal is None else literal.is_loopback
