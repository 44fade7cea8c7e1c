"""Every fixed bound of the program: name, value, unit and reason, in one place."""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB
DAY_MS = 24 * 3600 * 1000

# -- links
PORT = 27474
"""TCP and UDP. Unassigned at IANA, so that one firewall rule can name it, and below the range
that systems hand out by themselves."""
PORT_TRIES = 20
"""How many ports after PORT are tried before any free one is taken."""
TLS_HANDSHAKE_S = 10.0
"""asyncio's 60 s would let a silent dialler hold a place for a minute."""
HELLO_S = 20.0
"""From the TCP connection to Hello in both directions."""
MAX_PENDING_HANDSHAKES = 32
MAX_PENDING_PER_ADDRESS = 4
MAX_LINKS = 600
"""Above the largest network that we are made for; keeps descriptors bounded."""
HELLO_BYTES = 4 * KIB
FRAME_BYTES = 64 * KIB
"""A control frame, its length prefix not counted."""
QUEUE_BYTES = 1 * MIB
"""Queued to one peer above this, pushing stops and the peer syncs by pull."""
STALL_S = 30.0
"""A link that has bytes to send and makes no progress for so long is closed."""
PING_EVERY_S = 15.0
PING_TIMEOUT_S = 10.0
REPLACE_PING_S = 2.0
"""An old link of a device that comes back under a new instance must answer within this."""
IDLE_LINK_S = 60.0
"""Links made on demand close after this time without use."""
DIAL_TIMEOUT_S = 5.0
REDIAL_MIN_S = 1.0
REDIAL_MAX_S = 60.0

# -- text and profiles
TEXT_BYTES = 16 * KIB
NAME_CHARS = 64
ROOM_CHARS = 64
NOTE_CHARS = 200
AVATAR_BYTES = 32 * KIB
EMOJI_CHARS = 16
MENTIONS = 64
DATAGRAM_BYTES = 1024
"""One line of the UDP test mode."""
PASSWORD_CHARS = 256

# -- entries
HEADER_BYTES = 2 * KIB
BODY_BYTES = 24 * KIB
"""A text at its limit, its mentions, and the AEAD's tag."""
HEADS = 16
CLOCK_AHEAD_MS = 7 * DAY_MS
"""An entry further ahead than this neither becomes a head nor moves a clock."""
CLOCK_WARNING_MS = 5 * 60 * 1000
"""A peer's clock that is off by more than this is told to the user."""

# -- sync
DIGEST_EVERY_S = 30.0
DIGEST_JITTER = 0.2
WANT_BYTES = 512 * KIB
"""Bytes of entries that answer one request; the next request follows it."""
WANTS_IN_FLIGHT = 4
"""Requests open at one peer; enough to hide a round trip."""
CONVERSATION_BUDGET_BYTES = 2 * 1024 * MIB
"""Older entries of a conversation above this are pruned."""

# -- overlay
MESH_UP = 40
"""Full mesh up to this many nodes."""
MESH_DOWN = 32
"""Back to a full mesh below this many."""
RINGS = 4
"""Random rings in the bounded overlay: a degree of twice as many."""
DEGREE_CAP = 16
RECEIPT_MEMBERS = 40
"""Above this many members receipts go to the authors alone, who show counts."""
RECEIPT_BATCH_S = 5.0
RECEIPT_DELAY_S = 0.05
"""How long receipts are gathered in a small room, so that a burst costs few of them."""

# -- direct messages that wait
HOLDERS = 3
HOLD_MS = 14 * DAY_MS
HOLD_BYTES_PER_PAIR = 4 * MIB
HOLD_BYTES = 256 * MIB

# -- passwords
TRIES_PER_MINUTE = 5
"""Wrong passwords, by room and by address."""

# -- relaying for two that cannot dial each other
RELAY_TUNNELS = 64
RELAY_QUEUE_BYTES = 1 * MIB
