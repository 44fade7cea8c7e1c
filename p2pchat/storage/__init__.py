"""What a node keeps: the encrypted store, its key, and the folder of a profile."""

from p2pchat.storage.profile import open_profile

__all__ = ["open_profile"]
