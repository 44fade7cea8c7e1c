"""The vault of the account that is signed in: brought up to what this profile knows, and this
profile to it. Of two machines that have changed something both changes count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from p2pchat.model.ids import PeerId
from p2pchat.model.records import PutMeta
from p2pchat.protocol import signed, wire
from p2pchat.protocol.link import Link
from p2pchat.protocol.registrar.belongings import Belongings
from p2pchat.protocol.registrar.keybox import Keybox, kept_keybox, open_lock, read_keybox
from p2pchat.protocol.registrar.merging import has_newer_profile, is_alike, merged, stamped
from p2pchat.protocol.registrar.parts import Parts, in_parts
from p2pchat.protocol.registrar.vault import (
    SALT_BYTES,
    Contents,
    Vault,
    make_vault,
    open_vault,
    read_vault,
)

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

LOOK_S = 1.0
"""How often it is looked for changes: who made a room goes to another computer, and it is there."""
BRING_S = 1.0
AGAIN_S = 20.0
"""How often the registrar is asked for a newer one, or again where it hasn't answered."""
KNOWN_KEY, COUNTER_KEY, ID_KEY, UNSENT_KEY, BOX_KEY = (
    "vault_known",
    "vault_counter",
    "vault_id",
    "vault_unsent",
    "own_keybox",
)
BEHIND = "behind"
"""Says a registrar that hasn't what this machine has: one before it has lost it, or has lied."""
HAND_OVER_S, HAND_OVER_LOOK_S = 3.0, 0.1
"""How long signing out waits for the registrar to have what was changed, and how often it looks."""
SENT_S = 3.0
"""After which a vault that wasn't confirmed is sent again: a registrar passes over what comes
before it has the keybox."""
GRANTED_S = 2.0
"""How long somebody who signs in waits for the vault behind the grant; later it comes by asking."""


Version = tuple[int, bytes]
"""Of a vault: the larger one wins."""


@dataclass(eq=False)
class _Granted:
    """The vault of an account whose password was proven on this link."""

    link: Link
    account: PeerId
    done: Callable[[bytes], None]


class Vaulting:
    def __init__(
        self, registrar: Registrar, belongings: Belongings, meta: Mapping[str, bytes]
    ) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._ctx = registrar.machine.ctx
        self._belongings = belongings
        self._known = _read(meta.get(KNOWN_KEY, b"")) or Contents()
        """What the account has, as far as this machine knows."""
        self._version: Version = (int(meta.get(COUNTER_KEY, b"0")), meta.get(ID_KEY, b""))
        """Of the newest vault that was taken up here, or sent."""
        self._unsent = bool(meta.get(UNSENT_KEY, b""))
        """What is known isn't all in that one."""
        self._asked_at = -AGAIN_S
        self._answered = False
        """The registrar has said what it has, since it leads."""
        self._asked: Link | None = None
        self._sent: tuple[int, Contents, Version] | None = None
        """(number, what was in it, version) of what was sent and isn't confirmed."""
        self._sent_at = 0.0
        self._box = kept_keybox(meta.get(BOX_KEY, b""))
        """The account's own keybox."""
        self._granted: list[_Granted] = []
        self._parts = Parts()

    def start(self) -> None:
        self._ctx.after(LOOK_S, self._look)

    def _look(self) -> None:
        self._ctx.after(LOOK_S, self._look)
        self.look()

    def look(self) -> None:
        if self._m.identity.peer_id not in self._r.registry.owners():
            return
        self._note()
        leader = self._r.leading.leader
        if leader is None:
            self._answered = False
        elif self._r.leading.election.leads:
            self._at_home()
        else:
            link = self._m.links.of(leader)
            if link is None:
                self._m.demand(leader)
            else:
                self._ask(link)

    def hand_over(self, request: int) -> None:
        """Before signing out: replies with None once the registrar has what was changed here, so
        that it is there wherever the account is opened next; or where there is none in time."""
        until = self._ctx.now + HAND_OVER_S

        def look() -> None:
            self.look()
            if self._is_handed_over() or self._ctx.now >= until:
                self._ctx.reply(request, None)
            else:
                self._ctx.after(HAND_OVER_LOOK_S, look)

        look()

    def _is_handed_over(self) -> bool:
        if self._r.leading.leader is None or not self._r.has_account(self._m.identity.peer_id):
            return True
        self._note()
        return not self._unsent

    def _at_home(self) -> None:
        """This node leads itself."""
        me = self._m.identity.peer_id
        kept, held = self._r.holding.vault_of(me), self._r.holding.of(me)
        if held is not None:
            self.keep_own(held)
        if self._box is not None and (held is None or held.version < self._box.version):
            self._r.keep_held(self._box.raw, None)
        if held is not None and (kept is None or kept.version < self._version):
            self._unsent = True
        if kept is not None:
            self._answered = True
            self._take(kept)
        made = self._make()
        if made is not None:
            vault, contents = made
            self._keep(contents, vault.version, unsent=False)
            self._r.keep_held(vault.raw, None)

    def _ask(self, link: Link) -> None:
        again = self._ctx.now - self._asked_at >= AGAIN_S
        if link is not self._asked or again:
            self._asked, self._asked_at = link, self._ctx.now
            self._sent = None
            number, id = self._version
            self._m.links.send(link.id, wire.VaultWanted(number, self.box_counter, id))
            return
        waits = self._sent is not None and self._ctx.now < self._sent_at + SENT_S
        made = self._make() if self._answered and not waits else None
        if made is not None:
            (vault, contents), number = made, self._ctx.number()
            self._sent, self._sent_at = (number, contents, vault.version), self._ctx.now
            self.send(link, number, vault.raw)

    # -- behind a grant

    def give(self, link: Link, account: PeerId) -> None:
        """Somebody has proven the account's password on this link."""
        kept = self._r.holding.vault_of(account)
        if kept is not None and not link.choked:
            self.send(link, self._ctx.number(), kept.raw)
        else:
            self._m.links.send(link.id, wire.VaultPart(self._ctx.number(), 0, 0, b""))

    def await_granted(self, link: Link, account: PeerId, done: Callable[[bytes], None]) -> None:
        """`done` gets the vault that comes behind the grant; empty: there is none, or not soon."""
        granted = _Granted(link, account, done)
        self._granted.append(granted)
        self._ctx.after(GRANTED_S, lambda: self._end_granted(granted, b""))

    def _end_granted(self, granted: _Granted, raw: bytes) -> None:
        if granted in self._granted:
            self._granted.remove(granted)
            granted.done(raw)

    def _granted_on(self, link: Link) -> list[_Granted]:
        return [granted for granted in self._granted if granted.link is link]

    @property
    def box_counter(self) -> int:
        """Of the account's keybox that is here; 0: none."""
        return self._box.record.counter if self._box is not None else 0

    def keep_own(self, box: Keybox) -> None:
        """The account's keybox stays here too: whoever was to keep it may lose it, or have lied."""
        if self._box is None or self._box.version < box.version:
            self._box = box
            self._ctx.commit([PutMeta(BOX_KEY, box.raw)])

    def may_be_own(self, stretched: bytes) -> bool:
        """Whether this was stretched from the account's password, as far as is known here."""
        box = self._box
        return box is None or open_lock(stretched, box.record.password.wrapped) is not None

    def bring(self, raw: bytes, keybox: bytes) -> None:
        """What came with the grant, to the profile that goes on as the account."""
        self._bring_box(keybox)
        vault = read_vault(raw, self._ctx.network) if raw else None
        if vault is not None and vault.account == self._m.identity.peer_id:
            self._take(vault)

    def _bring_box(self, raw: bytes) -> bool:
        """Whether it is a keybox. The person's own is kept: of two the newer one by its counter,
        which the person has signed."""
        box = read_keybox(raw, self._ctx.network)
        if box is not None and box.account == self._m.identity.peer_id:
            self.keep_own(box)
        return box is not None

    def spread(self, held: Keybox | Vault, source: Link | None) -> None:
        """A newer one is kept by this node, which leads: to the other computers of its person."""
        for link in self._m.links.of_person(held.account):
            if link is not source:
                self._pass_on(link, held)

    def _pass_on(self, link: Link, held: Keybox | Vault) -> None:
        if not link.choked:
            self.send(link, self._ctx.number(), held.raw)

    # -- parts

    def send(self, link: Link, number: int, raw: bytes) -> None:
        for part in in_parts(number, raw):
            self._m.links.send(link.id, part)

    def on_part(self, link: Link, frame: wire.VaultPart) -> None:
        """Of a vault that a person brings, that the registrar gives, or that a fellow passes on; or
        a keybox from the registrar."""
        if not self._expects(link, frame.number):
            return
        if not frame.count:
            for granted in self._granted_on(link):
                self._end_granted(granted, b"")
            return
        raw = self._parts.take(link.id, frame)
        if raw is not None:
            self._came(link, frame.number, raw)

    def _expects(self, link: Link, number: int) -> bool:
        if number == 0:
            return self._r.may_hold and self._r.is_fellow(link.device)
        own = link is self._asked or bool(self._granted_on(link))
        holds = self._r.leading.election.leads and self._r.holding.of(link.person) is not None
        return own or holds

    def link_down(self, link: Link) -> None:
        self._parts.link_closed(link.id)
        if self._asked is link:
            self._asked, self._answered = None, False
        for granted in self._granted_on(link):
            self._end_granted(granted, b"")

    def _came(self, link: Link, number: int, raw: bytes) -> None:
        if link is self._asked and self._bring_box(raw):
            return
        vault = read_vault(raw, self._ctx.network)
        if vault is None:
            return
        awaited = [one for one in self._granted_on(link) if one.account == vault.account]
        if number == 0:
            self._r.take_held(link, [raw])
        elif awaited:
            for granted in awaited:
                self._end_granted(granted, raw)
        elif vault.account == self._m.identity.peer_id and link is self._asked:
            self._take(vault)
            self._has_answered()
        elif vault.account == link.person and self._r.leading.election.leads:
            kept = self._r.holding.vault_of(link.person)
            reason = ""
            if kept is not None and kept.record.counter > vault.record.after:
                reason = "busy"
            else:
                self._r.keep_held(raw, link)
            self._m.links.send(link.id, wire.Registered(number, reason))

    def on_wanted(self, link: Link, frame: wire.VaultWanted) -> None:
        """A device asks for its own person's: that link proves who it is."""
        if not self._r.leading.election.leads:
            return
        kept, box = self._r.holding.vault_of(link.person), self._r.holding.of(link.person)
        wanted = (frame.counter, frame.id)
        if box is not None and box.record.counter > frame.keybox:
            self._pass_on(link, box)
        if kept is not None and kept.version > wanted and not link.choked:
            self._pass_on(link, kept)
            return
        older_vault = kept.version < wanted if kept is not None else frame.counter > 0
        older_box = box is None or box.record.counter < frame.keybox
        behind = self._r.has_account(link.person) and (older_vault or older_box)
        self._m.links.send(link.id, wire.Registered(0, BEHIND if behind else ""))

    def on_registered(self, link: Link, frame: wire.Registered) -> None:
        if link is not self._asked:
            return
        if frame.number == 0:
            if frame.reason == BEHIND:
                self._answered = True
                self._bring_again(link)
            else:
                self._has_answered()
        elif self._sent is not None and self._sent[0] == frame.number:
            _, contents, version = self._sent
            self._sent = None
            if frame.reason:
                # Another machine was first: its changes are taken up before.
                self._asked_at, self._answered = -AGAIN_S, False
            else:
                self._keep(self._known, version, unsent=self._known is not contents)

    def _has_answered(self) -> None:
        """What was changed here meanwhile goes to it at once."""
        self._answered = True
        self.look()

    def _bring_again(self, link: Link) -> None:
        """The keybox now, and the vault a moment later: it counts where there is a keybox."""
        if self._box is not None:
            frame = wire.Register(self._ctx.number(), b"", self._box.raw)
            self._m.links.send(link.id, frame)
        self._unsent = True
        self._ctx.after(BRING_S, self.look)

    # -- what is in it

    def _note(self) -> None:
        """What was changed here since is remembered with when it was."""
        here = self._belongings.here(self._known)
        if replace(here, stamps=self._known.stamps) == self._known:
            return  # as nearly always, and thousands of contacts take some time to tell apart
        if is_alike(self._known, here) and not has_newer_profile(self._known, here):
            return
        self._keep(stamped(self._known, here, self._ctx.wall_ms), self._version, unsent=True)

    def _make(self) -> tuple[Vault, Contents] | None:
        """A new vault and what is in it, where there is something new to keep."""
        if not self._unsent:
            return None
        counter = max(self._ctx.wall_ms, self._version[0] + 1)
        seed, salt = self._m.identity.person_seed, self._ctx.rng.randbytes(SALT_BYTES)
        after = self._version[0]
        vault = make_vault(seed, self._ctx.network, counter, after, salt, self._known)
        return None if vault is None else (vault, self._known)

    def _keep(self, known: Contents, version: Version, unsent: bool) -> None:
        self._known, self._version, self._unsent = known, version, unsent
        version_of, number = version[1], str(version[0]).encode()
        self._ctx.commit(
            [
                PutMeta(KNOWN_KEY, signed.encode(known)),
                PutMeta(COUNTER_KEY, number),
                PutMeta(ID_KEY, version_of),
                PutMeta(UNSENT_KEY, b"1" if unsent else b""),
            ]
        )

    def _take(self, vault: Vault) -> None:
        """What others of the account's machines have changed since counts here too."""
        if vault.version <= self._version:
            return
        theirs = open_vault(self._m.identity.person_seed, vault)
        if theirs is None:
            return
        self._note()
        both = merged(self._known, theirs)
        self._belongings.bring(self._known, both)
        # Last: who is ended before takes it up once more.
        self._keep(both, vault.version, unsent=not is_alike(both, theirs))


def _read(raw: bytes) -> Contents | None:
    try:
        return msgspec.msgpack.decode(raw, type=Contents) if raw else None
    except msgspec.MsgspecError:
        return None
