"""Why a connection ends."""

from __future__ import annotations

import enum
import ssl

from p2pchat.errors import ProtocolError


class Reason(enum.StrEnum):
    """Why a connection ended, where its owner didn't give a reason of its own."""

    CLOSED = "closed"
    """By the other side, in order."""
    LOST = "lost"
    """Without a word."""
    REJECTED = "rejected"
    """By an alert of the other side's TLS."""
    STALLED = "stalled"
    OVERFLOW = "overflow"
    STOPPED = "stopped"
    SELF = "self"
    TOO_MANY = "too-many"
    NO_CERTIFICATE = "no-certificate"
    BAD_CERTIFICATE = "bad-certificate"
    HANDSHAKE_TIMEOUT = "handshake-timeout"
    FRAME_TOO_LARGE = "frame-too-large"
    JUNK = "junk"
    INTERNAL = "internal"
    """A defect of this program; the log has the traceback."""


class SelfConnection(ProtocolError):
    """The other end is this very process."""


def reason_of(error: ssl.SSLError) -> Reason:
    """What an error of TLS says of the other side."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Reason.BAD_CERTIFICATE
    name = error.reason or ""
    if name == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return Reason.NO_CERTIFICATE
    return Reason.REJECTED if "ALERT" in name else Reason.JUNK
