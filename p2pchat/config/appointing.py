"""The file of an appointing key: a line for people, then its seed."""

from __future__ import annotations

from p2pchat.model.ids import read_key, show_key

_FIRST_LINE = "p2pchat appointing key: whoever has this file decides who has which name"


def file_text(seed: bytes) -> str:
    return f"{_FIRST_LINE}\n{show_key(seed)}\n"


def read_file_text(text: str) -> bytes:
    """The seed. ValueError where this is no such file."""
    first, _, rest = text.partition("\n")
    if first != _FIRST_LINE:
        raise ValueError("no appointing key")
    return read_key(rest.partition("\n")[0])
