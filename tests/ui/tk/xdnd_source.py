"""Another program out of which files are dragged: the source's side of XDND 5, without a pointer.

    python xdnd_source.py X Y PATH-OR-ADDRESS...
    python xdnd_source.py X Y --text TEXT

drops that at that place of the window that takes drops, and prints what became of it. Where
something is to be read on its input first, it hovers there until then.
Source: https://freedesktop.org/wiki/Specifications/XDND/
"""

from __future__ import annotations

import sys
from pathlib import Path

from Xlib import X, display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

VERSION = 5


class Source:
    def __init__(self, dropped: list[str]) -> None:
        self._display = display.Display()
        self._root = self._display.screen().root
        self._window = self._root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        if dropped[0] == "--text":
            self._type, said = self._atom("UTF8_STRING"), dropped[1]
        else:
            uris = (one if "://" in one else Path(one).as_uri() for one in dropped)
            self._type, said = self._atom("text/uri-list"), "".join(f"{uri}\r\n" for uri in uris)
        self._content = said.encode()
        self._window.set_selection_owner(self._atom("XdndSelection"), X.CurrentTime)

    def _atom(self, name: str) -> int:
        return self._display.intern_atom(name)

    def find(self, below: Window | None = None) -> Window | None:
        """A window that says that it takes drops."""
        aware = self._atom("XdndAware")
        for window in (below or self._root).query_tree().children:
            aware_of = window.get_full_property(aware, X.AnyPropertyType)
            found: Window | None = window if aware_of is not None else self.find(window)
            if found is not None:
                return found
        return None

    def drop(self, target: Window, x: int, y: int) -> str:
        """The action that the target says it has done; `refused`."""
        copy = self._atom("XdndActionCopy")
        self._send(target, "XdndEnter", VERSION << 24, self._type, 0, 0)
        self._send(target, "XdndPosition", 0, x << 16 | y, X.CurrentTime, copy)
        status = self._answer("XdndStatus")
        if not status[1] & 1:
            self._send(target, "XdndLeave", 0, 0, 0, 0)
            return "refused"
        sys.stdout.write("above\n")
        sys.stdout.flush()
        sys.stdin.readline()
        self._send(target, "XdndDrop", 0, X.CurrentTime, 0, 0)
        finished = self._answer("XdndFinished")
        # tkdnd sets another bit of the flags than the one that says whether the drop was taken.
        return str(self._display.get_atom_name(finished[2])) if finished[2] else "refused"

    def _send(self, target: Window, name: str, *data: int) -> None:
        said = event.ClientMessage(
            window=target, client_type=self._atom(name), data=(32, [self._window.id, *data])
        )
        target.send_event(said)
        self._display.flush()

    def _answer(self, name: str) -> list[int]:
        """The data of the next such message; meanwhile the target gets the content."""
        wanted = self._atom(name)
        while True:
            got = self._display.next_event()
            if isinstance(got, event.SelectionRequest):
                self._give(got)
            elif got.type == X.ClientMessage and got.client_type == wanted:
                return list(got.data[1])

    def _give(self, asked: event.SelectionRequest) -> None:
        property = asked.property if asked.target == self._type else X.NONE
        if property:
            asked.requestor.change_property(property, self._type, 8, self._content)
        answer = event.SelectionNotify(
            time=asked.time,
            requestor=asked.requestor,
            selection=asked.selection,
            target=asked.target,
            property=property,
        )
        asked.requestor.send_event(answer)
        self._display.flush()


def main(arguments: list[str]) -> None:
    x, y, *dropped = arguments
    source = Source(dropped)
    target = source.find()
    said = "no target" if target is None else source.drop(target, int(x), int(y))
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
