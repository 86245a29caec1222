"""Where a chat server is, and which key may go there. Opens no connection; keeps no key."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from dubber.errors import MissingError, UsageError

_OWN_NETWORK = (".local", ".lan", ".internal", ".home.arpa", ".localhost")
"""Endings of names that mean something inside one's own network only (RFC 6761, 6762, 8375)."""

_EXAMPLE = "such as https://api.openai.com/v1 or http://localhost:11434/v1"


@dataclass(frozen=True)
class Address:
    """A server's address as a person gave it, without the slash at its end: `scheme`://`place``path`."""

    scheme: str
    host: str
    place: str
    path: str

    @property
    def url(self) -> str:
        """What requests are sent below."""
        return f"{self.scheme}://{self.place}{self.path}"

    @property
    def loopback(self) -> bool:
        """Whether this is the machine we run on."""
        ip = _ip(self.host)
        return (
            self.host == "localhost"
            or self.host.endswith(".localhost")
            or (ip is not None and ip.is_loopback)
        )

    @property
    def own(self) -> bool:
        """Whether only one's own network knows this host: a private address, a name without a dot, "nas.local"."""
        ip = _ip(self.host)
        if ip is not None:
            return ip.is_private or ip.is_link_local
        return "." not in self.host or self.host.endswith(_OWN_NETWORK)


def parse(base_url: str) -> Address:
    """The address in `base_url`; whether it ends in /v1 is the person's business.

    Raises UsageError for anything but http(s)://host[:port][/path], so that no password, key or query hides in it.
    """
    try:
        parts = urlsplit(base_url.strip())
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:  # also UnicodeError: a name that cannot be one
        parts, host, port = urlsplit(""), "", None
    if "@" in parts.netloc:
        raise UsageError(
            "A name or password does not belong into a server's address.",
            hint="Put the key into the environment variable DUBBER_API_KEY.",
        )
    if parts.query or parts.fragment:
        raise UsageError("A server's address ends before any ? or #.", hint=f"Give its base URL, {_EXAMPLE}.")
    written = base_url.strip()
    usable = written.isprintable() and " " not in written and parts.path.isascii()
    if parts.scheme not in ("http", "https") or not host or not usable:
        raise UsageError("This is not the address of a server.", hint=f"Give its base URL, {_EXAMPLE}.")
    shown = f"[{host}]" if ":" in host else host
    return Address(parts.scheme, host, f"{shown}:{port}" if port else shown, parts.path.rstrip("/"))


def key_for(address: Address, key_from: Sequence[str]) -> str | None:
    """The key to send, read from the environment now: from the first variable of `key_from` that is set.

    Over plain http only the first variable's goes out, and only within one's own network: a key for some public
    service is not for a neighbour's machine. None where no key is to be sent, which servers of one's own allow.

    Raises MissingError (a public server, and no key), UsageError (a key that would travel in clear through the
    internet, or that cannot be one). No message holds the key.
    """
    clear = address.scheme == "http"
    if clear and not (address.own or address.loopback):
        if any(os.environ.get(name, "").strip() for name in key_from):
            raise UsageError(
                f"The key would travel to {address.host} unencrypted.",
                hint="Give the server's https:// address, or unset " + " and ".join(key_from) + ".",
            )
        return None
    for name in key_from[:1] if clear and not address.loopback else key_from:
        if key := os.environ.get(name, "").strip():
            if not key.isascii() or not key.isprintable() or " " in key:
                raise UsageError(
                    f"What {name} holds cannot be a key.", hint="Set it anew, without line breaks."
                )
            return key
    if address.own or address.loopback:
        return None
    raise MissingError(
        f"No key for {address.host} is set.",
        hint=f"Set the environment variable {key_from[0]} to the key that it gave you "
        "(to any word where it asks for none).",
    )


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
