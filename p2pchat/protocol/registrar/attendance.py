"""The register of attendance, which only an appointed node keeps: who was there, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.model.accounts import Stay
from p2pchat.model.ids import PeerId
from p2pchat.model.people import Peer, Status
from p2pchat.model.records import PutMeta
from p2pchat.protocol import signed
from p2pchat.protocol.views import rfc3339

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

KEY = "attendance/"
LOOK_S = 5.0
"""How exact the register is."""
SAVE_S = 60.0
"""How much of a stay is lost at most where the power goes."""
BREAK_MS = 60_000
"""Who is back sooner was there all the time: a machine that was started anew."""
MISSED_S = 15.0
"""After this machine has slept: whoever has gone meanwhile is missed by then."""


class _Line(msgspec.Struct, array_like=True):
    peer_id: PeerId
    label: str
    account: PeerId | None
    came_ms: int
    left_ms: int
    """Was still there then."""
    gone: bool = False


class Attendance:
    def __init__(self, registrar: Registrar, meta: Mapping[str, bytes]) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._ctx = registrar.machine.ctx
        self._lines: list[_Line] = []
        self._unsure: set[PeerId] = set()
        """Those who were there when the node ended, if not longer."""
        for key, raw in sorted(meta.items()):
            if key.startswith(KEY):
                line = msgspec.msgpack.decode(raw, type=_Line)
                if not line.gone:
                    line.gone = True
                    self._unsure.add(line.peer_id)
                self._lines.append(line)
        self._last: dict[PeerId, _Line] = {line.peer_id: line for line in self._lines}
        """Of each person the newest."""
        self._saved = 0.0
        self._noted_ms: int | None = None
        """When it was looked last who is here."""
        self._blind_until = 0.0

    def start(self) -> None:
        if self._r.appointing is not None:
            self._look()

    def stop(self) -> None:
        if self._r.appointing is not None:
            self._note()
        self._save([line for line in self._last.values() if not line.gone])

    def _look(self) -> None:
        self._ctx.after(LOOK_S, self._look)
        self._note()

    def _note(self) -> None:
        now_ms = self._ctx.wall_ms
        changed: list[_Line] = []
        here = self._here(now_ms)
        for person, peer in here.items():
            line = self._last.get(person)
            if line is not None and (not line.gone or self._is_back(line, now_ms)):
                line.gone = False
                self._unsure.discard(person)
                line.left_ms = max(line.left_ms, now_ms)
                if (line.label, line.account) == (peer.label, _account(peer.account)):
                    continue
                line.label, line.account = peer.label, _account(peer.account)
            elif len(self._lines) >= limits.ATTENDANCE_LINES and peer.account is None:
                continue  # made-up persons don't fill the register
            else:
                self._unsure.discard(person)
                line = _Line(person, peer.label, _account(peer.account), now_ms, now_ms)
                self._lines.append(line)
                self._last[person] = line
            changed.append(line)
        for person, line in self._last.items():
            if not line.gone and person not in here:
                line.gone = True
                changed.append(line)
        if self._ctx.now - self._saved >= SAVE_S:
            changed = [line for line in changed if line.gone]
            changed += [line for line in self._last.values() if not line.gone]
            self._saved = self._ctx.now
        self._save(changed)

    def _here(self, now_ms: int) -> dict[PeerId, Peer]:
        """Who is here now. Nobody right after a pause, in which this machine has slept or its clock
        was set: of those who were here it isn't known when they went, or that they did."""
        before, self._noted_ms = self._noted_ms, now_ms
        if before is not None and abs(now_ms - before) >= BREAK_MS:
            self._blind_until = self._ctx.now + MISSED_S
        if self._ctx.now < self._blind_until:
            return {}
        people = self._m.people
        return {
            row.id: peer
            for row in people.rows()
            if people.status(row.id) is not Status.OFFLINE
            and (peer := people.shown(row.id)) is not None
        }

    def _is_back(self, line: _Line, now_ms: int) -> bool:
        """Whether the person was there all the time, as far as can be told."""
        most = BREAK_MS + (round(SAVE_S * 1000) if line.peer_id in self._unsure else 0)
        return 0 <= now_ms - line.left_ms < most

    def _save(self, lines: Sequence[_Line]) -> None:
        if lines:
            self._ctx.commit(
                [
                    PutMeta(f"{KEY}{line.came_ms:016x}/{line.peer_id}", signed.encode(line))
                    for line in lines
                ]
            )

    def list(self, since_ms: int | None, until_ms: int | None) -> list[Stay]:
        """Those that were there at any time between; oldest first, and as it is now.
        `not-allowed`."""
        if self._r.appointing is None:
            raise RequestError("not-allowed", "only the appointed keeps a register")
        self._note()
        found = [
            line
            for line in self._lines
            if (since_ms is None or line.left_ms >= since_ms)
            and (until_ms is None or line.came_ms <= until_ms)
        ]
        return [
            Stay(
                label=line.label,
                peer_id=line.peer_id,
                account=line.account,
                came=rfc3339(line.came_ms),
                left=rfc3339(line.left_ms) if line.gone else None,
            )
            for line in sorted(found, key=lambda line: (line.came_ms, line.peer_id))
        ]


def _account(text: str | None) -> PeerId | None:
    return None if text is None else PeerId(text)
