"""The event loop that all front ends run their node on."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

_SIO_UDP_CONNRESET, _SIO_UDP_NETRESET = 0x9800000C, 0x9800000F

if sys.platform == "win32":

    class Loop(asyncio.ProactorEventLoop):
        """Datagrams go on being heard. After one that we sent to a port that nobody listens on,
        Windows lets the next read fail, and asyncio may not read again then (gh-127057)."""

        async def create_datagram_endpoint(self, *args: Any, **how: Any) -> Any:
            transport, protocol = await super().create_datagram_endpoint(*args, **how)
            _forget_unreachable(transport.get_extra_info("socket").fileno())
            return transport, protocol

    def _forget_unreachable(handle: int) -> None:
        import ctypes

        off, given = ctypes.c_ulong(0), ctypes.c_ulong()
        for control in (_SIO_UDP_CONNRESET, _SIO_UDP_NETRESET):
            ctypes.windll.ws2_32.WSAIoctl(
                ctypes.c_size_t(handle),
                ctypes.c_ulong(control),
                ctypes.byref(off),
                ctypes.sizeof(off),
                None,
                0,
                ctypes.byref(given),
                None,
                None,
            )

else:
    Loop = asyncio.SelectorEventLoop
