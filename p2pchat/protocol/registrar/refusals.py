"""Why the registrar, or what asks it, refuses: a constant sentence for each stable reason, as
catalogues of languages need it."""

from __future__ import annotations

from p2pchat.errors import RequestError

REGISTRAR_REFUSALS = {
    "wrong-password": "this isn't the account's password",
    "name-taken": "the name is registered, or looks like one that is",
    "no-registrar": "there is no registrar now",
    "no-such-account": "nobody has registered this name",
    "too-many-tries": "too many tries: wait a minute",
    "nobody-answered": "the registrar doesn't answer",
    "not-allowed": "the registrar doesn't allow that",
    "not-signed-in": "nobody is signed in here",
    "too-large": "the network has no room for more accounts",
    "busy": "it is busy right now: try again in a moment",
    "disk-full": "the registrar's disk is full",
    "store-failed": "the registrar's store has failed",
}
CODE_REFUSALS = {"wrong-password": "this isn't the account's recovery code"}
"""Where that was proven."""


def refused(reason: str, recovery: bool = False) -> RequestError:
    said = CODE_REFUSALS.get(reason) if recovery else None
    return RequestError(reason, said or REGISTRAR_REFUSALS[reason])
