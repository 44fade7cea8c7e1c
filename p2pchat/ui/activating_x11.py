"""Asking the window manager of an X desktop to bring a window forth."""

from __future__ import annotations

import contextlib

FROM_A_PAGER = 2
"""The source of a request that a person has made: it is followed in any case."""
ALL_DESKTOPS = 0xFFFFFFFF


def activate(window: int) -> None:
    """Show the window of that number, on its desktop: raising alone doesn't go there (Extended
    Window Manager Hints, _NET_CURRENT_DESKTOP and _NET_ACTIVE_WINDOW; asked for the second alone,
    openbox stays where it is). Nothing where nobody hears it."""
    # Here, since a start of the program can do without.
    from Xlib import X, Xatom
    from Xlib.display import Display
    from Xlib.error import DisplayError, XError
    from Xlib.protocol.event import ClientMessage

    failures = DisplayError, XError, OSError
    with contextlib.suppress(*failures), contextlib.closing(Display()) as display:
        root = display.screen().root
        # What the window manager knows is the window that Tk has put around its own.
        managed = display.create_resource_object("window", window).query_tree().parent
        place = managed.get_full_property(display.intern_atom("_NET_WM_DESKTOP"), Xatom.CARDINAL)
        asked = [(managed, "_NET_ACTIVE_WINDOW", [FROM_A_PAGER, X.CurrentTime, 0, 0, 0])]
        if place is not None and place.value[0] != ALL_DESKTOPS:
            desktop = place.value[0]
            asked.insert(0, (root, "_NET_CURRENT_DESKTOP", [desktop, X.CurrentTime, 0, 0, 0]))
        for of, what, data in asked:
            told = ClientMessage(window=of, client_type=display.intern_atom(what), data=(32, data))
            root.send_event(told, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        display.sync()
