"""The attacks by name (see `hostile.py`): what strangers and devices of the network may try."""

from __future__ import annotations

import sys

import hostile_accounts
import hostile_entries
import hostile_files
import hostile_frames
import hostile_registrar
import hostile_strangers
from hostile import main

__all__ = [
    "hostile_accounts",
    "hostile_entries",
    "hostile_files",
    "hostile_frames",
    "hostile_registrar",
    "hostile_strangers",
]

if __name__ == "__main__":
    main(sys.argv[1:])
