"""The file of an appointing key: a line for people, then its seed."""

from __future__ import annotations

from p2pchat.errors import UsageError
from p2pchat.model.ids import read_key, show_key

_FIRST_LINE = "p2pchat appointing key: whoever has this file decides who has which name"


def file_text(seed: bytes) -> str:
    return f"{_FIRST_LINE}\n{show_key(seed)}\n"


def read_file_text(text: str) -> bytes:
    """The seed. UsageError where this is no such file."""
    lines = text.split("\n")
    try:
        if lines[0] != _FIRST_LINE:
            raise ValueError
        return read_key(lines[1])
    except (ValueError, IndexError):
        raise UsageError("this is no appointing key that `registrar.appoint` has written") from None
