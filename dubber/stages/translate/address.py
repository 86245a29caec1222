"""Where a chat server is, and which key may go there: an address may come with somebody else's project, a key never
follows it. Opens no connection; keeps no key."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from dubber.errors import MissingError, UsageError

OWN_KEY, OWN_SERVER = "DUBBER_API_KEY", "DUBBER_BASE_URL"
"""Environment variables: a key, and the base URL of the one server that it is for."""

OPENAI_KEY, OPENAI = "OPENAI_API_KEY", ("https", "api.openai.com", 443)
"""Environment variable of a key that many programs use, and the one server that it is for."""

_PORTS = {"http": 80, "https": 443}

_OWN_NETWORK = (".local", ".lan", ".internal", ".home.arpa", ".localhost")
"""Endings of names that mean something inside one's own network only (RFC 6761, 6762, 8375)."""

_EXAMPLE = "such as https://api.openai.com/v1 or http://localhost:11434/v1"


@dataclass(frozen=True)
class Address:
    """A server's address as a person gave it, without the slash at its end: `scheme`://`place``path`. `port`
    is the scheme's own where `place` has none."""

    scheme: str
    host: str
    port: int
    place: str
    path: str

    @property
    def url(self) -> str:
        """What requests are sent below."""
        return f"{self.scheme}://{self.place}{self.path}"

    @property
    def server(self) -> tuple[str, str, int]:
        """Scheme, host and port: all that tells one server from another."""
        return self.scheme, self.host, self.port

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
    place = f"{shown}:{port}" if port else shown
    return Address(parts.scheme, host, port or _PORTS[parts.scheme], place, parts.path.rstrip("/"))


def host_of(base_url: str) -> str:
    """The server in `base_url`, as a person is told where a film's lines go: host, and port where one is given. Raises
    UsageError like `parse`."""
    return parse(base_url).place


def keys_for(address: Address) -> tuple[str, ...]:
    """The environment variables whose keys may go to a server; of those that are set, the first goes.

    OPENAI_KEY is for OpenAI, OWN_KEY for the server that OWN_SERVER names in the environment, and this machine may have
    both. Raises UsageError where OWN_SERVER is no address.
    """
    if address.loopback:
        return OWN_KEY, OPENAI_KEY
    own = (OWN_KEY,) if _is_named(address) else ()
    return (*own, OPENAI_KEY) if address.server == OPENAI else own


def key_for(address: Address) -> str | None:
    """The key to send, read from the environment now: see `keys_for`. None where no key is to be sent, which servers in
    one's own network allow.

    Raises MissingError (a public server, and no key for it), UsageError (a key that would travel in clear through the
    internet, or lines to a server that the environment does not name; what cannot be a key or an address). No message
    holds a key.
    """
    private = address.own or address.loopback
    names = keys_for(address)
    if address.scheme == "http" and not private:
        if _set(names):
            raise UsageError(
                f"The key would travel to {address.host} unencrypted.",
                hint=f"Give the server's https:// address, or unset {OWN_KEY}.",
            )
        if not _is_named(address):
            raise UsageError(
                f"The film's lines would travel to {address.host} unencrypted.",
                hint=f"Give the server's https:// address; or, if you want that, set {OWN_SERVER} to this one.",
            )
        return None
    if found := _set(names):
        name, key = found
        if not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError(f"What {name} holds cannot be a key.", hint="Set it anew, without line breaks.")
        return key
    if private:
        return None
    raise _no_key(address)


def where_key_is_from(address: Address) -> str:
    """A hint: the environment variables that a server's key is read from."""
    if names := keys_for(address):
        return f"The key is read from {' or '.join(names)}."
    return f"No key was sent: set {OWN_KEY} to the server's key, and {OWN_SERVER} to its address."


def _set(names: tuple[str, ...]) -> tuple[str, str] | None:
    """The first of the variables that is set, with its value."""
    return next(((name, key) for name in names if (key := os.environ.get(name, "").strip())), None)


def _is_named(address: Address) -> bool:
    """Whether the environment names this server as the one that OWN_KEY is for."""
    named = os.environ.get(OWN_SERVER, "").strip()
    if not named:
        return False
    try:
        return parse(named).server == address.server
    except UsageError as error:
        raise UsageError(
            f"What {OWN_SERVER} holds is not the address of a server.", hint=error.hint
        ) from None


def _no_key(address: Address) -> MissingError:
    word = f"{OWN_KEY} to the key that it gave you (to any word where it asks for none)"
    if address.server == OPENAI:
        hint = f"Set the environment variable {OPENAI_KEY} to the key that it gave you."
    elif _is_named(address):
        hint = f"Set the environment variable {word}."
    else:
        hint = f"If you trust it with the film's lines, set {word} and {OWN_SERVER} to its address."
    return MissingError(f"No key for {address.host} is set.", hint=hint)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
