"""One peer of a swarm of libtorrent's, on one host; a process of its own.

    _torrent_client.py make FILE TORRENT           writes the torrent of a file
    _torrent_client.py seed TORRENT FOLDER ADDRESS [super]
    _torrent_client.py fetch TORRENT FOLDER ADDRESS PEER...

`seed` and `fetch` say `ready`, wait for a line, begin, and say the time (time.monotonic) at which
all is there and checked; they serve until their input ends."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import libtorrent

PORT = 6881
SETTINGS = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    # Its defaults spare the Internet: these let it begin at once, with every peer that it has.
    "connection_speed": 200,
    "smooth_connects": False,
    "torrent_connect_boost": 255,
    "alert_mask": libtorrent.alert.category_t.status_notification,
}


def make(file: str, torrent: str) -> None:
    files = libtorrent.list_files(file)
    made = libtorrent.create_torrent(files)
    libtorrent.set_piece_hashes(made, str(Path(file).parent))
    Path(torrent).write_bytes(libtorrent.bencode(made.generate()))


def take_part(torrent: str, folder: str, address: str, peers: list[str], super_seed: bool) -> None:
    session = libtorrent.session(SETTINGS | {"listen_interfaces": f"{address}:{PORT}"})
    wanted = libtorrent.add_torrent_params()
    wanted.ti = libtorrent.torrent_info(torrent)
    wanted.save_path = folder
    wanted.flags &= ~(libtorrent.torrent_flags.paused | libtorrent.torrent_flags.auto_managed)
    if super_seed:
        wanted.flags |= libtorrent.torrent_flags.super_seeding
    if peers:
        say("ready")
        sys.stdin.readline()
    handle = session.add_torrent(wanted)
    for peer in peers:
        handle.connect_peer((peer, PORT))
    while not handle.status().is_seeding:
        session.wait_for_alert(100)
        session.pop_alerts()
    say(str(time.monotonic()) if peers else "ready")
    sys.stdin.read()


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    task, *given = sys.argv[1:]
    if task == "make":
        make(*given)
    elif task == "seed":
        take_part(given[0], given[1], given[2], [], given[3:] == ["super"])
    else:
        take_part(given[0], given[1], given[2], given[3:], False)
