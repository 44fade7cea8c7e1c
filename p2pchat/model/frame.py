"""What peers send one another, as it comes."""

from __future__ import annotations

RawFrame = bytes | bytearray
"""A whole frame, without its length."""
