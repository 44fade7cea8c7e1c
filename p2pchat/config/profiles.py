"""Profiles by name: where they lie, and what they may be called."""

from __future__ import annotations

PROFILES = "profiles"
"""The folder of named profiles, in that of the unnamed one."""

_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


def is_profile_name(name: str) -> bool:
    """Whether the name can be a folder on every system (case may not tell two apart)."""
    plain = bool(name) and all(char.isalnum() or char in " -_" for char in name)
    return plain and name == name.strip() and len(name) <= 64 and name.lower() not in _DEVICES
