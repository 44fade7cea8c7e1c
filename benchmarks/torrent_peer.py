"""What libtorrent does with the same file on the same hosts: one seed, and peers that know of each
other from the start, since a LAN has no tracker."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

from _lan import Lan

CLIENT = Path(__file__).with_name("_torrent_client.py")


def measure(lan: Lan, file: Path) -> float | None:
    """Seconds from the moment that the others begin until the last one has all, the better of
    two: with super-seeding and without. The torrent is made and checked before. None where
    libtorrent isn't installed."""
    if subprocess.run([sys.executable, "-c", "import libtorrent"], capture_output=True).returncode:
        print("libtorrent is not installed: no peer beside the class's figure")
        return None
    torrent = lan.directory / "file.torrent"
    subprocess.run([sys.executable, str(CLIENT), "make", str(file), str(torrent)], check=True)
    return min(_swarm(lan, file, torrent, way) for way in ([], ["super"]))


def _swarm(lan: Lan, file: Path, torrent: Path, way: list[str]) -> float:
    addresses = [host.address for host in lan.hosts]
    with contextlib.ExitStack() as stack:
        seed = _client(lan, 0, "seed", torrent, file.parent, addresses[0], *way)
        clients = [seed]
        stack.callback(_end, clients)
        _line(seed)
        for number in range(1, len(addresses)):
            folder = lan.directory / f"torrent{number}{''.join(way)}"
            folder.mkdir()
            others = addresses[:number] + addresses[number + 1 :]
            clients.append(
                _client(lan, number, "fetch", torrent, folder, addresses[number], *others)
            )
        for client in clients[1:]:
            _line(client)
        begun = time.monotonic()
        for client in clients[1:]:
            assert client.stdin is not None
            client.stdin.write(b"go\n")
            client.stdin.flush()
        return max(float(_line(client)) for client in clients[1:]) - begun


def _client(lan: Lan, host: int, *words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(CLIENT), *map(str, words)]
    return lan.popen(host, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _line(client: subprocess.Popen[bytes]) -> bytes:
    assert client.stdout is not None
    return client.stdout.readline()


def _end(clients: list[subprocess.Popen[bytes]]) -> None:
    for client in clients:
        client.kill()
        client.communicate()
