"""Where the links in messages lead to. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def destination(url: str) -> str:
    """The computer that a web address leads to, as the network knows it: `https://good.example@evil`
    leads to `evil`, and of letters that only look like Latin ones the name shows `xn--`. Empty:
    it is no web address, and nothing opens it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or "\\" in parts.netloc:
        return ""
    return ".".join(map(_ascii, host.split(".")))


def _ascii(label: str) -> str:
    if label.isascii():
        return label
    try:
        return label.encode("idna").decode("ascii")
    except UnicodeError:
        return f"xn--{label.encode('punycode').decode('ascii')}"
