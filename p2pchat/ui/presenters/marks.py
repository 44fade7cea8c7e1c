"""The signs after a name. They are drawn, never part of a text that others wrote: no name can have
them that hasn't earned them."""

from __future__ import annotations

from enum import Enum

from p2pchat.ui.language import N_


class Mark(Enum):
    """What each one says when the pointer rests on it."""

    WARNED = N_("Take care: somebody you know has this name, or one that looks like it.")
    ALIKE = N_("Take care: another room that you are in has a name that looks like this one's.")
    REGISTERED = N_(
        "Registered: in this network nobody else can have this name, or one that looks like it."
    )
    VERIFIED = N_("You have compared words: it is them.")
    PROTECTED = N_("Only those who know the password can join and read.")
