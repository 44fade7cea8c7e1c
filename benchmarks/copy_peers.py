"""Programs that copy one file from host 0 to host 1 of the LAN: scp, and magic-wormhole with its
two servers on host 0. Their figures are of the whole command, as are ours of the whole share."""

from __future__ import annotations

import contextlib
import filecmp
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from _lan import Lan, wait_until

PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
SSH_PORT, MAILBOX_PORT, TRANSIT_PORT = 2222, 4000, 4001
CODE = "1-bench-mark"
SSHD = """
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
"""


class Scp:
    """With the ciphers that the two choose by themselves."""

    def __init__(self, lan: Lan, folder: Path) -> None:
        self._lan = lan
        self._options = [
            *("-q", "-P", str(SSH_PORT), "-i", str(folder / "user")),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "BatchMode=yes"),
        ]

    def seconds(self, source: Path, target: Path) -> float:
        to = f"root@{self._lan.hosts[1].address}:{target}"
        begun = time.monotonic()
        self._lan.run(0, "scp", *self._options, str(source), to, timeout=120)
        return _checked(source, target, begun)


@contextlib.contextmanager
def scp(lan: Lan) -> Iterator[Scp | None]:
    """None where OpenSSH isn't installed, or no server of it can run."""
    found = [shutil.which(name, path=PATH) for name in ("sshd", "scp", "ssh-keygen")]
    if None in found or os.geteuid() != 0:
        print("no sshd and scp (openssh-server), or not root: no scp beside the figures")
        yield None
        return
    folder = lan.directory / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True)
    config = folder / "sshd_config"
    config.write_text(SSHD.format(port=SSH_PORT, folder=folder), encoding="utf-8")
    lan.run(None, "mkdir", "-p", "/run/sshd")  # of the LAN's own /run
    server = lan.popen(1, [str(found[0]), "-D", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        _wait_port(lan, 1, SSH_PORT)
        yield Scp(lan, folder)
    finally:
        server.terminate()
        server.wait(10)


class Wormhole:
    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        address = lan.hosts[0].address
        self._command = [
            *(sys.executable, "-m", "wormhole"),
            *("--relay-url", f"ws://{address}:{MAILBOX_PORT}/v1"),
            *("--transit-helper", f"tcp:{address}:{TRANSIT_PORT}"),
        ]

    def seconds(self, source: Path, target: Path) -> float:
        """From the receiver's start; the sender waits for it."""
        send = [*self._command, "send", "--hide-progress", "--no-qr", "--code", CODE, str(source)]
        sender = self._lan.popen(0, send, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert sender.stderr is not None
        for line in sender.stderr:
            if CODE in line.decode():
                break
        begun = time.monotonic()
        receive = ["receive", "--hide-progress", "--accept-file", "-o", str(target), CODE]
        self._lan.run(1, *self._command, *receive, timeout=120)
        taken = _checked(source, target, begun)
        sender.communicate(timeout=10)
        return taken


@contextlib.contextmanager
def wormhole(lan: Lan) -> Iterator[Wormhole | None]:
    """None where it, or one of its servers, isn't installed."""
    needed = ("wormhole", "wormhole_mailbox_server", "wormhole_transit_relay")
    if not all(map(importlib.util.find_spec, needed)):
        print("magic-wormhole and its servers are not installed: not beside the figures")
        yield None
        return
    twist = [sys.executable, "-m", "twisted"]
    folder = lan.directory / "wormhole"
    folder.mkdir()
    mailbox = ["wormhole-mailbox", f"--port=tcp:{MAILBOX_PORT}", f"--channel-db={folder}/db"]
    transit = ["transitrelay", f"--port=tcp:{TRANSIT_PORT}"]
    servers = [
        lan.popen(0, [*twist, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for words in (mailbox, transit)
    ]
    try:
        for port in (MAILBOX_PORT, TRANSIT_PORT):
            _wait_port(lan, 0, port)
        yield Wormhole(lan)
    finally:
        for server in servers:
            server.terminate()
            server.wait(10)


def _wait_port(lan: Lan, host: int, port: int) -> None:
    wait_until(lambda: f":{port} " in lan.run(host, "ss", "-tln"), 15.0, f"a server on {port}")


def _checked(source: Path, target: Path, begun: float) -> float:
    """Seconds since it has begun; the copy is looked at and away afterwards."""
    taken = time.monotonic() - begun
    assert filecmp.cmp(source, target, shallow=False)
    target.unlink()
    return taken
