"""What the node knows of its network, in plain words: who is reached how, and what stands in the
way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from p2pchat.config.limits import MESH_DOWN, PORT
from p2pchat.events import RUNS_TWICE, Event, ProfileRenewed, Warned
from p2pchat.model.people import NodeInfo, Peer
from p2pchat.model.text import one_line, quoted
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext, told
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.runner import Delayed, Runner

WARNINGS = 20
"""The latest that are kept for the page."""
WARNING_CHARS = 300
REFRESH_MS = 500
LOOK_MS = 3000
"""So often the node is asked anew while somebody looks or nobody is linked: a pulled cable is no
event."""
NAMED = 20
_LOOPBACK = ("127.", "[::1]", "localhost")


class Verdict(Enum):
    OK = "ok"
    NOTE = "note"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: how it is, and what a person can do about it."""

    verdict: Verdict
    title: str
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class NetworkState:
    headline: str
    verdict: Verdict
    """The gravest of all; OK: somebody is linked, and there is nothing else to know."""
    alone: str
    """Why nobody is here, where that is known."""
    checks: tuple[Check, ...]
    facts: tuple[tuple[str, str], ...]


class NetworkView(Protocol):
    def show_network(self, state: NetworkState) -> None: ...


class NetworkPresenter:
    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        on_state: Callable[[NodeInfo, NetworkState], None] = lambda info, state: None,
    ) -> None:
        """`on_state` is told how things are whether somebody looks or not."""
        self._node = node
        self._runner = runner
        self._directory = directory
        self._on_state = on_state
        self._view: NetworkView | None = None
        self._shown: NetworkView | None = None
        """Who was told of what is known last."""
        self._info: NodeInfo | None = None
        self._warnings: deque[str] = deque(maxlen=WARNINGS)
        self._draw = Delayed(runner, REFRESH_MS, self._show)
        self._look = Delayed(runner, LOOK_MS, self._ask)
        directory.listeners.append(self._changed)

    def open(self, view: NetworkView) -> None:
        self._view = view
        self._ask()

    def close(self) -> None:
        self._view = None

    def opened(self, info: NodeInfo) -> None:
        if info != self._info or self._shown is not self._view:
            self._info = info
            self._show()
        self._watch()

    def _watch(self) -> None:
        if self._view is not None or not any(p.linked for p in self._directory.peers.values()):
            self._look.ask()

    def _ask(self) -> None:
        self._runner.call(self._node.info, self.opened)

    def events(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Warned) and event.reason in ABOUT_NETWORK:
                text = one_line(event.text, WARNING_CHARS)
                if text not in self._warnings:
                    self._warnings.append(text)
                    self._changed()
            elif isinstance(event, ProfileRenewed):
                self._warnings.clear()

    def _changed(self) -> None:
        if self._info is not None:
            self._draw.ask()
            self._watch()

    def _show(self) -> None:
        if self._info is None:
            return
        state = network_state(self._info, self._directory, list(self._warnings))
        self._on_state(self._info, state)
        self._shown = self._view
        if self._view is not None:
            self._view.show_network(state)


ABOUT_NETWORK = frozenset(
    (
        "wrong-code",
        "protocol",
        "other-version",
        "bad-certificate",
        "clock-off",
        RUNS_TWICE,
    )
)
"""Reasons of warnings that say why somebody isn't seen."""


def network_state(info: NodeInfo, directory: Directory, warnings: Sequence[str]) -> NetworkState:
    linked = [peer for peer in directory.peers.values() if peer.linked]
    relayed = [peer for peer in directory.online() if not peer.linked]
    checks = [_people(linked, info), *_relayed(relayed, directory), *_listening(info)]
    checks += _hearing(linked, info)
    checks += [Check(Verdict.WARN, _("Noticed"), told(text)) for text in reversed(warnings)]
    found = {check.verdict for check in checks} | (set() if linked else {Verdict.WARN})
    verdict = next(v for v in (Verdict.WARN, Verdict.NOTE, Verdict.OK) if v in found)
    alone = "" if linked or relayed else _alone(info)
    if not linked and not relayed:
        headline = alone or _("Nobody else is here yet")
    elif verdict is Verdict.OK:
        headline = _("All is well")
    else:
        headline = _("It works, with something to know")
    listen = ", ".join(info.listen) or _("nowhere")
    addresses = (_("Addresses here"), ", ".join(info.addresses) or _("none"))
    facts = (
        (_("Network"), one_line(info.network, 60)),
        (_("Listening on"), listen),
        *(() if _is_local(info) else (addresses,)),
        (_("Version"), info.version),
        (_("Profile's folder"), info.data_dir),
    )
    return NetworkState(headline, verdict, alone, tuple(checks), facts)


def _is_local(info: NodeInfo) -> bool:
    """Whether it listens for programs on this computer only."""
    return bool(info.listen) and all(address.startswith(_LOOPBACK) for address in info.listen)


def _alone(info: NodeInfo) -> str:
    """Why nobody is here; empty where others just haven't come yet."""
    if _is_local(info):
        return _("Only programs on this computer can link with this one")
    if not info.addresses:
        return _("This computer is in no network")
    if info.heard:
        return ngettext("{number} other computer announces itself here, but no link comes about",
                        "{number} other computers announce themselves here, but no link comes "
                        "about", info.heard)  # fmt: skip
    if info.heard_elsewhere:
        return _("p2pchat runs on other computers here, but under another network name")
    return ""


def _people(linked: Sequence[Peer], info: NodeInfo) -> Check:
    if linked:
        text = ngettext("Linked directly with {number} person.",
                        "Linked directly with {number} people.", len(linked))  # fmt: skip
        return Check(Verdict.OK, _("People"), text)
    if not info.addresses or _is_local(info):
        # What to do about it stands where that is told of.
        return Check(Verdict.WARN, _("People"), _("No link to anybody."))
    if info.heard:
        return Check(
            Verdict.WARN,
            _("People"),
            _("{state}.").format(state=_alone(info)),
            _(
                "A firewall keeps them apart: let port {port} (TCP and UDP) through, here or "
                "there; one side is enough. Or they have another network code."
            ).format(port=PORT),
        )
    if info.heard_elsewhere:
        return Check(
            Verdict.WARN,
            _("People"),
            _("{state}.").format(state=_alone(info)),
            _("All need the same name: this computer's is {network}. It stands in the settings.")
            .format(network=quoted(one_line(info.network, 60))),
        )  # fmt: skip
    return Check(
        Verdict.WARN,
        _("People"),
        _("No link to anybody."),
        _(
            "Does p2pchat run on another computer, in the same network as the addresses below? A "
            "guest Wi-Fi often keeps computers apart, or filters what is sent to all (multicast): "
            "then connect by address. If a side can't be reached, let port {port} (TCP and UDP) "
            "through its firewall."
        ).format(port=PORT),
    )


def _hearing(linked: Sequence[Peer], info: NodeInfo) -> list[Check]:
    """What is sent to all in the network doesn't get here."""
    if not linked or info.heard != 0:
        return []
    return [
        Check(
            Verdict.NOTE,
            _("Finding others"),
            _("Nobody is heard announcing themselves: others are known by their addresses only."),
            _(
                "Where others are in the same network, a firewall or the access point filters "
                "multicast and broadcast (UDP port {port}). Links stay; who is missing can be "
                "connected to by address, once."
            ).format(port=PORT),
        )
    ]


def _relayed(relayed: Sequence[Peer], directory: Directory) -> list[Check]:
    if not relayed:
        return []
    large = len(directory.online()) >= MESH_DOWN
    names = words.several([directory.said[peer.peer_id] for peer in relayed], NAMED)
    said = _("{names}: messages arrive, but no computer of theirs is linked with this one.")
    return [
        Check(
            Verdict.OK if large else Verdict.NOTE,
            _("Reached through others"),
            words.our_way(said.format(names=names)),
            _("That is as it should be in large networks. In small ones a firewall may be in the "
              "way: let port {port} (TCP and UDP) through.").format(port=PORT),
        )
    ]  # fmt: skip


def _listening(info: NodeInfo) -> list[Check]:
    if _is_local(info):
        return [
            Check(
                Verdict.NOTE,
                _("Being found"),
                _("{state}.").format(state=_alone(info)),
                _("It was started so, or the computer has no network."),
            )
        ]
    if not info.listen or not info.addresses:
        return [
            Check(
                Verdict.WARN,
                _("Being found"),
                _("This computer can't be dialled: it has no address in this network."),
                _("Plug in the cable, or join the Wi-Fi. p2pchat notices by itself."),
            )
        ]
    ports = {address.rpartition(":")[2] for address in info.listen}
    if str(PORT) in ports:
        return [Check(Verdict.OK, _("Being found"), _("Others can dial this computer."))]
    port = ", ".join(sorted(ports))
    return [
        Check(
            Verdict.NOTE,
            _("Being found"),
            _("Others can dial this computer at port {port}.").format(port=port),
            _("Port {usual} was taken, perhaps by another profile. A firewall has to let this one "
              "through as well.").format(usual=PORT),
        )
    ]  # fmt: skip
