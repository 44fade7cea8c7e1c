"""Addresses as people write them: HOST:PORT, with IPv6 in brackets."""

from __future__ import annotations

import ipaddress

from p2pchat.errors import UsageError


def parse(text: str, default_port: int | None = None) -> tuple[str, int]:
    """`HOST:PORT`, `[IPV6]:PORT`; where there is a default also `HOST`, `[IPV6]` and `IPV6`. Else
    UsageError."""
    if default_port is not None and _is_ipv6(text):
        return text, default_port
    host, port = _split(text)
    if not host or (port is None and default_port is None):
        raise UsageError(f"{text!r} is not HOST:PORT")
    number = default_port if port is None else _port(port, text)
    assert number is not None
    if number == 0:
        raise UsageError(f"{text!r}: nobody listens on port 0")
    return host, number


def parse_listen(text: str) -> tuple[str, int]:
    """`PORT` or `HOST:PORT`; the host is empty where every address is meant."""
    if ":" not in text:
        return "", _port(text, text)
    host, port = _split(text)
    if port is None:
        raise UsageError(f"{text!r} is not [HOST:]PORT")
    return host, _port(port, text)


def join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise UsageError(f"{text!r} is not [IPV6]:PORT")
        return host, rest[1:] if rest else None
    if text.count(":") > 1:
        raise UsageError(f"{text!r}: write an IPv6 address in brackets, as in [fe80::1%eth0]:27474")
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise UsageError(f"{whole!r}: a port is a number up to 65535")
    return int(text)
