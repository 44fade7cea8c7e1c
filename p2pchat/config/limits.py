"""Every fixed bound of the program: name, value, unit and reason, in one place."""

from __future__ import annotations

KIB = 1024
"""Bytes, as MIB."""
MIB = 1024 * KIB
"""Bytes."""
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
"""TCP connections that have not come to Hello yet: each costs a descriptor and a TLS state."""
MAX_PENDING_PER_ADDRESS = 4
"""Of them, those of one address: one silent dialler leaves room for the others."""
MAX_WAITING = 64
"""Accepted connections that wait for their turn to shake hands; costs a descriptor each."""
MAX_WAITING_PER_ADDRESS = 16
"""Of them: a crowd behind one address drops its own oldest first."""
HANDSHAKE_GRACE_S = 0.25
"""Who holds a place in a handshake for longer makes room for those that wait: a handshake on a
LAN takes milliseconds, one that was left open would take TLS_HANDSHAKE_S."""
MAX_LINKS = 600
"""Above the largest network that we are made for; keeps descriptors bounded."""
MAX_LINKS_PER_ADDRESS = 64
"""Accepted ones: many profiles may share a machine, but no machine takes all the places."""
HELLO_BYTES = 4 * KIB
FRAME_BYTES = 64 * KIB
"""A control frame, its length prefix not counted."""
BULK_FRAME_BYTES = 257 * KIB
"""A frame on a connection for files: a part of a block and what names it."""
QUEUE_BYTES = 1 * MIB
"""Queued to one peer above this, pushing stops and the peer syncs by pull."""
QUEUE_MAX_BYTES = 16 * MIB
"""A link whose queue passes this is closed: a sender that never looks must not fill memory."""
CLOSE_FLUSH_S = 1.0
"""How long a link that is being closed may take to send what is queued."""
TROUBLE_LOG_S = 60.0
"""One line of log for each address and kind of trouble in this time."""
STALL_S = 30.0
"""A link that has bytes to send and makes no progress for so long is closed."""
PING_AFTER_S = 5.0
"""Of silence; with PING_TIMEOUT_S whoever has vanished is missed within 15 s, and twenty idle links
cost four pings a second."""
PING_TIMEOUT_S = 8.0
"""A process that stands still for 5 s isn't taken for gone."""
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
"""Persons that one message names."""
RECORD_BYTES = 32 * KIB
"""A signed record of a person or device; its fields at their limits take 20 KiB."""
PROFILE_BYTES = 4 * KIB
"""Of a record, that of a person: its fields at their limits take 2.4 KiB."""
RECORD_ADDRESSES = 8
"""Addresses that one device tells of."""
RECORD_ROOMS = 64
"""Rooms that one device tells of."""
PERSONS = 4096
"""Remembered; above it the oldest stranger who is off line is forgotten. Machines that are rolled
back every night come as new persons every day."""
PERSON_DEVICES = 32
"""Devices of one person that are on line at once."""
DATAGRAM_BYTES = 1024
"""One line of the UDP test mode."""
DATAGRAM_BUFFER_BYTES = 4 * MIB
"""Asked of the system for datagrams that came in while others are being printed; it may give less.
By default there is room for some 250 short ones."""
PASSWORD_CHARS = 256
ACCOUNT_PASSWORD_CHARS = 8
"""At least: each guess costs 0.1 s of a core and 64 MiB, and a holder may try."""

# -- entries
HEADER_BYTES = 2 * KIB
BODY_BYTES = 24 * KIB
"""A text at its limit, its mentions, and the AEAD's tag."""
HEADS = 16
"""Entries that one entry names as seen: what is concurrent in a room of a class, and small."""
LATE_AFTER_S = 2.0
"""A message that comes within this of newer ones was written at the same time as they, for all that
a person can tell: it isn't marked as late."""
REACTIONS_PER_PERSON = 32
"""Emoji of one person at one message: the latest by order, the same on every node."""
CLOCK_AHEAD_MS = 7 * DAY_MS
"""An entry further ahead than this neither becomes a head nor moves a clock."""
CLOCK_SET_MS = 1_735_689_600_000
"""2025: a wall clock before this was never set, as on a machine whose battery is empty."""
CLOCK_END_MS = 32_503_680_000_000
"""The year 3000: no clock is followed beyond it, whatever peers say. The end of what an entry can
hold is 3,400 years further on."""
CLOCK_WARNING_MS = 5 * 60 * 1000
"""A clock that is off by more than this is told to the user, and messages of it are marked."""

FEEDS_PER_CONVERSATION = 20_000
"""Each costs some 700 bytes of memory. 60 machines that are rolled back every night make 12,000
in a school year."""
BRANCHES_PER_FEED = 64
"""An honest feed has one; a few more while parts of it are still to come."""

# -- sync
DIGEST_EVERY_S = 30.0
DIGEST_JITTER = 0.2
"""Share of DIGEST_EVERY_S, both ways, so that the nodes of a room do not fall into step."""
WANT_BYTES = 512 * KIB
"""Bytes of entries that answer one request; the next request follows it."""
WANTS_IN_FLIGHT = 4
"""Requests open at one peer; enough to hide a round trip."""
TIDY_EVERY_S = 3.0
"""How often the store rids its files of what was deleted; promised within 15 s."""
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
"""Links that a node keeps in the bounded overlay, those that others asked for included."""
RECEIPT_MEMBERS = 40
"""Above this many members receipts go to the authors alone, who show counts."""
RECEIPT_BATCH_S = 5.0
RECEIPTS_PER_CONVERSATION = 50_000
"""Of other members, one for each of them and each feed, at some 200 bytes: a class's of the 1,250
feeds that were active last. Machines that are rolled back every night would make 70 million in a
school year."""
RECEIPTS_PER_FEED = 1024
"""Members: twice the largest network, those heard last."""
RECEIPT_DELAY_S = 0.05
"""How long receipts are gathered in a small room, so that a burst costs few of them."""

# -- direct messages that wait
HOLDERS = 3
"""Nodes that keep the ciphertext of a direct message for who is off."""
HOLD_MS = 14 * DAY_MS
UNSENT_PROFILES = 64
"""Of guests of a shared computer whose words nobody has yet: some 20 MB, where a few would be many.
They wait as long as what others hold."""
HOLD_BYTES_PER_PAIR = 4 * MIB
HOLD_BYTES = 256 * MIB

# -- passwords
TRIES_PER_MINUTE = 5
"""Wrong passwords of one room or account, whoever tries."""
TRIES_PER_SOURCE = 20
"""Wrong passwords from one address, whatever they are for: four pupils who share a computer have
all their tries, and who goes through a school's accounts needs half an hour for a guess at each."""
TRY_SUBJECTS = 16_384
"""Rooms and accounts whose wrong passwords are remembered: more than a node has time to answer for
within the minute."""
TRY_SOURCES = 1024
"""The same of addresses; the limit by room and account holds whatever is forgotten."""
PROOF_S = 20.0
"""From the first to the last step of proving a password; a busy node has 60 to answer."""
PROOFS_ANSWERED = 64
"""Proofs that a node answers at once: a classroom that joins a room on its teacher's word."""
PROOFS_PER_LINK = 4
"""Proofs that one peer may have answered at once: rooms of one name are tried together."""
PROOFS_PER_MINUTE = 60
"""Proofs begun from one address: each costs some 10 ms of computing."""
ROOM_KEYS = 64
"""Keys of one protected room that are handed to who joins, and of a direct conversation."""

# -- the registrar
LEASE_S = 10.0
"""How long a lease holds after it was heard of last."""
LEASE_RENEW_S = 3.0
LEASE_BYTES = 1 * KIB
"""A lease's record; its fields at their limits take some 400 bytes."""
LEASE_ABSENT_S = 600.0
"""How long the leases of a device that can't be reached don't count, unless it is linked again."""
CLAIM_BYTES = 2 * KIB
"""A claim's record; its fields at their limits take some 1.2 KiB."""
KEYBOX_BYTES = 1 * KIB
"""Its fields take some 400 bytes."""
VAULT_BYTES = 256 * KIB
"""Some thousand contacts and rooms."""
VAULTS_BYTES = 64 * MIB
"""Of all accounts, in a holder's memory."""
REGISTRATIONS = (120.0, 2.0)
"""That a registrar takes at once, and by the second in the long run: three classes on a teacher's
word."""
REGISTRATIONS_PER_SOURCE = 40
"""Within a minute from one address: a class behind one."""
REGISTER_S = 15.0
"""How long a front end waits for a registrar to take something."""
ANNOUNCEMENT_BYTES = 1 * KIB
"""Of UTF-8: what is shown above everything is short."""
ATTENDANCE_LINES = 50_000
"""Of the register, some 200 bytes each: a class's of ten years. Above, accounts alone."""
SEEN_BY = 2000
"""Persons who have seen one announcement: each is a record of 200 bytes. Anybody can make so many
up."""
SEEN_BY_LINKED = SEEN_BY + 8000
"""Those who have a link here have room above that: some megabytes, and two hundred addresses that
each have all of theirs."""
SEEN_BY_SOURCE = 40
"""Of them, those of one address: a class that shares one."""
CLAIMS_SEEN = 16
"""Claims of one name that a claim says to have seen."""
CLAIMS = 10_000
"""Kept: a large school's. Each costs 2 KiB of memory, and some 20 µs when names are worked out."""
SEEN_BY_ACCOUNTS = SEEN_BY_LINKED + CLAIMS
"""Those who have an account always find room."""
LEASES_KNOWN = 1024
"""Devices whose newest lease is remembered, so that an older one isn't believed."""

# -- relaying for two that cannot dial each other
RELAY_TUNNELS = 64
"""Tunnels that one node carries for others at a time."""
TUNNEL_WINDOW_BYTES = 256 * KIB
"""Sent through a tunnel and not yet acknowledged by its other end: what a carrier has to hold."""
TUNNEL_ACK_BYTES = 64 * KIB
"""What one acknowledgement (an empty frame) stands for."""
TUNNEL_PIECE_BYTES = 32 * KIB
"""Of TLS bytes handed to the carrier at once."""
RELAYED_FILE_BYTES = 4 * MIB
"""A file up to this size comes through a common peer as well: some seconds of slow air, which
everybody shares, and whoever carries it twice."""
RELAY_QUEUE_BYTES = 1 * MIB

# -- dissemination (Plumtree)
EAGER_LINKS = 6
"""Neighbours that get the payload before anything is known of the tree: the first three rings.
Fewer make deeper trees, more make the first message dearer (benchmarks/overlay.py)."""
LONG_WAY = 10
"""Hops above which a node looks for a shorter way: hardly ever reached by 500 nodes with a fresh
tree, so that it rests (benchmarks/overlay.py)."""
HOPS = 255
"""What a copy's count of hops stops at."""
SEEN_IDS = 2048
"""Ids a conversation remembers to tell duplicates; the store knows all others."""
GRAFT_AFTER_S = 0.3
"""From an announced id to asking for its payload, and from there to asking the next announcer.
Above a round trip of a LAN and the time that announcements are gathered."""
MISSING_PER_PEER = 512
"""Announced ids without payload that one neighbour may occupy; sync brings what is above."""
ANNOUNCERS = 8
"""Neighbours remembered for one missing id."""

# -- reaching a device
ADDRESSES_PER_DEVICE = 8
"""Several interfaces with an IPv4 and an IPv6 address each."""
REACH_DEVICES = 2048
"""Devices whose addresses are remembered in memory: four times the largest network."""
HINTED_PER_SOURCE = 256
"""Strangers waiting to be dialled because of one source of hints."""
MAX_DIALS = 16
"""Connections being dialled at once."""
MAX_STRANGER_DIALS = 8
"""Of them, those to devices that nothing but a hint speaks of: made-up hints leave room."""
DIALS_PER_DEVICE = 3
"""Addresses of one device being dialled at once."""
STAGGER_S = 0.25
"""Between two addresses of one device (RFC 8305, Connection Attempt Delay)."""
FRESH_HINT_S = 10.0
"""A device heard of within this time is up and can dial as well."""
YIELD_S = 1.0
"""How long the larger device id leaves the dialling to the smaller one: longer than a connection
takes where many machines start at once."""
SPREAD_S = 0.3
"""Within which all is dialled again after a change of the network."""
DIAL_BACK_S = 3.0
"""How long a device that was asked to dial back may take."""
TUNNEL_S = 10.0
"""How long a tunnel may take until it is a link: a TLS handshake through a third node."""
CARRIER_TRIES = 2
"""Common peers that are tried for one tunnel before the next round."""
DIRECT_RETRY_S = 120.0
"""How often a device that is reached through a common peer is dialled directly again."""
EXPLORE_EVERY_S = 5.0
"""In the bounded overlay, between two dials to strangers: networks that come together merge,
and a hint costs next to nothing."""
STABLE_LINK_S = 10.0
"""A link that lived shorter counts as a failed round: the next one waits longer."""

# -- files
PART_BYTES = 60 * KIB
"""Of a block in one frame; fits a control frame with its header."""
LARGE_PART_BYTES = 256 * KIB
"""The same where frames may be large: one costs as much as 64 KiB of it do."""
PART_MIN_BYTES = 4 * KIB
"""A part that isn't a block's last has at least this: a block is no flood of frames."""
HAVE_BYTES = 32 * KIB
"""Bits in one frame: 262,144 blocks."""
GOT_BLOCKS = 64
"""Indexes in one frame."""
GOT_EVERY_S = 0.3
"""Between two frames that tell of pieces which others have too. In a full mesh few need to know;
where not all are linked, time is lost by this."""
FOLLOWS = 8
"""How often at once one link may ask for all that is here of a file: whoever gives up and thinks
better of it."""
FOLLOWS_PER_S = 0.2
"""The same in the long run."""
FOLLOW_AGAIN_S = 1.0
"""After this, then after twice as long each time, a source that tells nothing is asked to again."""
FOLLOW_RARELY_S = 60.0
SWARM_PEERS = 64
"""Sources of one file at once."""
SWARM_BYTES = 32 * MIB
"""Asked for and not yet on disk, of one file: four blocks of the largest size."""
SWARM_UNSTORED_BYTES = 4 * MIB
"""Of these, what has come: a crash loses it, and it has to be fetched again."""
SWARM_FLYING_BLOCKS = 4
"""At all sources together, beyond what came in the last second."""
SWARM_LATENCY_S = 0.05
"""How long a request may queue at a source: its window is what it delivers in this time and a round
trip. What waits longer was chosen too early, what waits less leaves a busy host's port idle."""
WINDOW_BLOCKS = (2, 256)
"""In flight at one source: fewest and most, whatever the two bounds in bytes say."""
WINDOW_MIN_BYTES = 64 * KIB
"""From nineteen sources this is 100 ms of a port of 100 Mbit/s."""
WINDOW_MAX_BYTES = 4 * MIB
"""4 ms of the fastest link that TLS in one process fills."""
SWARM_SILENT_S = 5.0
"""A source that was asked and delivers nothing for so long is asked no more until it does."""
SWARM_QUIET_S = 2.5
"""When nothing has come from anybody for so long, what sources owe that were asked before doesn't
count as on its way: else a few that never answer would keep this node from asking others."""
SWARM_QUIET_TURNS = 2
"""The same of a source, once others have delivered so many times as much as may be on its way."""
SWARM_SLOW_S = 30.0
"""As SWARM_SILENT_S, at most, where blocks take long from everybody: this node's port is slow."""
SWARM_RECENT_S = 2.0
"""Whoever gave something so short a time ago is counted among those it comes from: peers that get
pieces from one another have something new for each other now and then."""
SWARM_LOOK_S = 0.1
"""How often silence and stragglers are looked for."""
SWARM_STRAGGLER_S = 0.3
"""A block that takes longer, and twice as long as is usual, is asked of a second source, if one has
nothing else to give."""
SWARM_LAST_S = 0.1
"""The same once all blocks have been asked for, and the usual time instead of twice that."""
SWARM_PATIENCE = 8
"""How many times longer each further source of a straggler is waited for."""
SWARM_BUSY_S = (0.5, 2.0)
"""When a source that was busy is asked again."""
SWARM_USELESS = 8
"""Blocks that a source of everything chose though they were here: then it isn't left to choose."""
SWARM_OUTCASTS = 1024
"""Devices that served wrong pieces of one file."""
FETCHES_AT_ONCE = 500
"""Files that come by themselves at once: each costs some kilobytes."""
LATE_FETCHES = 1000
"""Fetches that are over and for which peers owe something: then the link that owes most is closed.
More than `FETCHES_AT_ONCE`, which may all be given up at once."""
FETCHES_WAITING = 10_000
"""Further ones that wait for their turn; those above come on request."""
SERVE_FOLLOWED = 1024
"""Files that one link follows: more than a node fetches at once."""
SERVE_QUEUE = 512
"""Requests of one link that wait: twice the largest window."""
SERVE_AHEAD_BYTES = 8 * MIB
"""Read for all links and not yet sent: above this nothing more is read."""
SERVE_LINK_BYTES = 1 * MIB
"""Of these, for one link: enough that the disk is never waited for."""
SERVE_RECENT_BYTES = 4 * MIB
"""Blocks that came last, kept in memory: what nobody else has is asked for by all, and at once."""
SERVE_BURST_S = 0.05
"""How much of its rate limit a node sends at once."""
SERVE_PAUSE_S = 0.001
"""The shortest wait for the rate limit."""

# -- files and folders on disk
FILE_NAME_BYTES = 255
"""Of a name in UTF-8: what Linux takes, and no more UTF-16 units than Windows takes."""
FOLDER_DEPTH = 64
"""Folders in one another, the shared one not counted."""
FOLDER_FILES = 1_000_000
"""Files and empty folders of a shared folder: what a few bytes of its manifest ask for costs an
inode and some 50 µs wherever it arrives."""
FOLDER_NAMES = 500_000
"""Of them, names beside one another, and beside the folders that lead there: some 80 bytes of
memory each while they are told apart."""
PATH_PART_BYTES = 4 * 255
"""Of one name in a manifest: 255 characters, as Windows takes; it is shortened where it is put."""
PATH_BYTES = 3 * KIB
"""Of a path within a shared folder: with where the folder lies, what Linux takes (4 KiB)."""
TALK_S = 5.0
"""After a message was stored, what comes of files is written to the disk at once, lest the next
message wait for what the system has gathered."""
DISK_RESERVE_BYTES = 64 * MIB
"""No fetch takes the last of a disk: messages and the system need it. Of a small disk:"""
DISK_RESERVE_PART = 8
"""A part of so many."""

AUTO_FETCH_FILES = 20
"""Of the largest size that comes by itself: so much one person's offers may bring in a day."""
AUTO_FETCH_PER_MANIFEST_BYTE = 256
"""What a folder counts more for each byte of its manifest: a file takes some 4 KiB of a disk, empty
or not, and names of 16 bytes and less are rare."""
FILE_RECEIVERS = 1000
"""Persons whose progress the author of a file keeps."""
AUTO_FETCH_LEAST_BYTES = 32 * KIB
"""What a file counts at least against what may come by itself: the smallest isn't free either."""
FILE_REPORTS = 1024
"""Reports of one link that wait to be looked at, one a file."""
FILE_NAME_CHARS = 1024
"""Of the name in an offer; four times what any system takes, as it may come from one that counts
otherwise."""
MIME_CHARS = 255
"""RFC 6838 allows 127 on each side of the slash."""

# -- JSON-RPC
RPC_LINE_BYTES = 16 * MIB
"""One request or batch; a batch of 10,000 messages is 2 MiB."""
RPC_BATCH = 20_000
"""Requests in one batch; what is longer is refused as a whole."""
RPC_PENDING = 4096
"""Requests of one client that run at once; above this no more are read."""
RPC_PAUSE_BYTES = 8 * MIB
"""Answers that a client hasn't read; above this no more requests of it are read."""
RPC_UNREAD_BYTES = 64 * MIB
"""Above this a client of the control socket that doesn't read is dropped, and the parent behind
stdout gets no more events until it has read."""
RPC_DRAIN_S = 3.0
"""How long requests may go on after the end of input; every command ends within 5 s."""
CONTROL_CLIENTS = 32
"""At the control socket at once."""

# -- discovery
BEACON_BYTES = 256
"""A beacon has about 80; what is longer is not looked at."""
BEACON_BURST_S = (0.0, 0.3, 1.0, 3.0)
"""When a beacon is sent after the start, a change of the network or a wake-up."""
BEACON_EVERY_S = 30.0
BEACON_JITTER = 0.2
"""Share of every wait, so that machines switched on at once don't stay in step."""
BEACON_ANSWER_S = 0.05
"""Answers to a newcomer are spread over this time."""
BEACON_FORGET_S = 60.0
"""Who hasn't been heard for so long is answered again."""
BEACON_RECENT_S = 100.0
"""Who has been heard so lately is here: of three beacons one may be lost, or two."""
MDNS_RECENT_S = 4500.0
"""The same by mDNS: for so long its records hold (RFC 6762, section 10)."""
ANSWERS_PER_S = 20
"""In the long run; ANSWERS_AT_ONCE and the other pairs below are for a burst."""
ANSWERS_AT_ONCE = 100
"""Answers to beacons: a forged sender address gets no more than this from one node."""
BEACONS_PER_S = 10
"""From one address."""
BEACONS_AT_ONCE = 200
"""Datagrams from one address that are looked at: a machine may have many profiles."""
HINTS_PER_S = 100
"""Of all addresses together."""
HINTS_AT_ONCE = 1000
"""Hints that are passed on: twice the largest network at once, a flood of forged ones is cut."""
HEARD_INSTANCES = 2000
"""Remembered senders of beacons, and their addresses; the oldest are forgotten."""
ADDRESSES_PER_INTERFACE = 4
"""Of each family: what is announced, and what is taken from a hint."""
MDNS_INTERFACES = 4
"""The best ones: each has sockets and a memory of its own."""
MDNS_START_S = (0.5, 1.5)
"""When mDNS starts where there is a beacon: it is slower, and costs much at the start."""
MDNS_CACHE_RECORDS = 8000
"""Four for each node of the largest network, and as much again of printers and the like, twice."""
MDNS_CACHE_BYTES = 4 * MIB
"""Above either, mDNS starts afresh after MDNS_PAUSE_S: somebody floods the network."""
MDNS_PAUSE_S = 60.0
MDNS_LOOKUPS = 8
"""Services that are asked for their address at the same time."""
MDNS_LOOKUPS_WAITING = 256
"""Services above this wait for their next announcement; most need no asking."""
MDNS_LOOKUP_MS = 2000
NETWORK_POLL_S = 5.0
"""How often addresses are compared (where the system tells of changes, they come at once)."""
NETWORK_SETTLE_S = 0.2
"""Changes come in groups; this long after the first one they are looked at together."""
WAKE_UP_S = 10.0
"""A pause between two looks that is longer by this means that the machine slept."""
