"""The command line as a real program: options, exit codes, and commands on real nodes that find
each other on loopback."""

from __future__ import annotations

import json
import os
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from p2pchat import __version__
from p2pchat.cli import options_of, parse
from p2pchat.config.appointing import file_text
from p2pchat.errors import UsageError
from p2pchat.ui.rpc.control import socket_path

DEADLINE = 30.0
PROGRAM = [sys.executable, "-m", "p2pchat"]


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    return {**kept, **more}


def run(*arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        env=environment(**more),
    )


@pytest.fixture
def lan() -> list[str]:
    """Options of a network of this test's own, on loopback."""
    name = f"test-{secrets.token_hex(6)}"
    return ["--network", name, "--interface", "127.0.0.1", "--no-mdns", "--listen", "127.0.0.1:0"]


class Running:
    """A node that runs, driven by JSON-RPC."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        command = [*PROGRAM, "rpc", "--data-dir", str(data_dir), *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
        )
        self.info = self.call("node.info")

    def call(self, method: str, **params: Any) -> Any:
        assert self.process.stdin is not None
        request = {"jsonrpc": "2.0", "id": secrets.token_hex(4), "method": method, "params": params}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        while True:
            said = self.read()
            if said.get("id") == request["id"]:
                return said["result"]

    def read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the node ended"
        return json.loads(line)

    def wait_event(self, type: str) -> Any:
        while True:
            said = self.read()
            if said.get("params", {}).get("type") == type:
                return said["params"]


@contextmanager
def running(data_dir: Path, *options: str) -> Iterator[Running]:
    node = Running(data_dir, *options)
    try:
        yield node
        assert node.process.stdin is not None
        node.process.stdin.close()
        assert node.process.wait(DEADLINE) == 0
    finally:
        if node.process.poll() is None:
            node.process.kill()
            node.process.wait()
        assert node.process.stdout is not None
        node.process.stdout.close()


# -- usage


def test_version_is_quick_and_imports_little() -> None:
    ended = run("--version")
    assert ended.returncode == 0
    assert ended.stdout == f"p2pchat {__version__}\n"
    listed = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "p2pchat", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE,
    ).stderr
    for heavy in ("asyncio", "msgspec", "prompt_toolkit", "cryptography", "zeroconf", "tkinter"):
        assert f"| {heavy}\n" not in listed.replace("  ", "")


def test_licenses() -> None:
    ended = run("--licenses")
    assert ended.returncode == 0
    parts = {line.split()[0].lower().replace("_", "-") for line in ended.stdout.splitlines()}
    assert {"p2pchat", "cryptography", "zeroconf", "prompt-toolkit", "keyring"} <= parts
    assert "mypy" not in parts


@pytest.mark.parametrize(
    ("text", "rate"),
    [("20M", 20_000_000), ("1.5m", 1_500_000), ("500K", 500_000), ("2G", 2 * 10**9), ("0", 0)],
)
def test_limit_is_a_rate(text: str, rate: int) -> None:
    for line in (["--limit", text, "rpc"], ["rpc", "--limit", text]):
        assert options_of(parse(line)).limit == rate
    given = parse(["--limit", text, "history", "#lobby", "--limit", "7"])
    assert (given.rate, given.limit) == (rate, 7)


def test_without_a_limit_the_setting_holds() -> None:
    assert options_of(parse(["rpc"])).limit is None


@pytest.mark.parametrize("text", ["", "M", "-1", "-1M", "1", "999", "nan", "inf", "20X", "1e300G"])
def test_limits_that_are_none(text: str) -> None:
    with pytest.raises(SystemExit):
        parse(["rpc", f"--limit={text}"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["rpc", "--nonsense"],
        ["rpc", "extra"],
        ["send", "#lobby"],
        ["history"],
        ["udp", "5000"],
        ["rpc", "--appointed-by", "nobody"],
        ["rpc", "--appointing-key", "/no/such/file"],
        ["rpc", "--audio-in", "none"],
        ["rpc", "--limit", "fast"],
        ["--net", "lan", "rpc"],
        ["rpc", "--log-level", "loud"],
        ["peers", "--wait", "soon"],
        ["history", "#lobby", "--limit", "0"],
        ["rpc", "--data-dir", "x", "--profile", "y"],
        ["share", "#lobby"],
        ["doctor"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert ended.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--name", "a" * 65],
        ["--name", "abcdefghijklmnopqrstuvwxyz234567"],
        ["--name", "a\u202eb"],
        ["--listen", "host:port"],
        ["--listen", "65536"],
        ["--connect", "192.0.2.1"],
        ["--connect", "fe80::1:5"],
        ["--passphrase-file", "/nonexistent"],
        ["--data-dir", ""],
        ["--data-dir", "a" * 300],
        ["--profile", "../x"],
        ["--profile", ""],
        ["--interface", "nonsense0"],
        ["--network", ""],
        ["--network-code", ""],
    ],
)
def test_impossible_options(tmp_path: Path, options: list[str]) -> None:
    where = [] if {"--profile", "--data-dir"} & {*options} else ["--data-dir", str(tmp_path)]
    ended = run("rpc", *where, *options)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


def test_options_before_and_after_the_command() -> None:
    before = ["--network", "a", "--connect", "h:1", "--no-mdns", "--data-dir", "d"]
    after = ["--network", "b", "--connect", "[::1]:2", "--interface", "eth0", "--json"]
    given = parse([*before, "peers", *after])
    options = options_of(given)
    assert options.network == "b"
    assert options.connect == (("h", 1), ("::1", 2))
    assert options.interfaces == ("eth0",)
    assert (options.mdns, options.beacon) == (False, True)
    assert (given.json, given.wait) == (True, 3.0)
    assert options.data_dir == os.path.abspath("d")
    assert options_of(parse(["--listen", "[::1]:0", "rpc"])).listen_host == "::1"
    assert options_of(parse(["rpc"])).listen_port is None
    assert options_of(parse(["--name", "  Li   Wei ", "rpc"])).name == "Li Wei"
    with pytest.raises(UsageError):
        options_of(parse(["rpc", "--connect", "host:0"]))


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_who_keeps_the_appointing_key_where_others_read_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "class.key"
    key.write_text(file_text(b"k" * 32))
    for mode, told in ((0o600, False), (0o644, True), (0o620, True)):
        key.chmod(mode)
        assert options_of(parse(["rpc", "--appointing-key", str(key)])).appointing_key == b"k" * 32
        assert ("others can read it" in capsys.readouterr().err) is told


def test_profiles_are_apart() -> None:
    default = options_of(parse(["rpc"])).data_dir
    named = options_of(parse(["rpc", "--profile", "Ana"])).data_dir
    assert os.path.dirname(os.path.dirname(named)) == default


def test_no_display() -> None:
    ended = run("window")
    assert ended.returncode == 2
    assert "DISPLAY" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_without_a_command_and_a_display_it_is_the_terminal_chat(
    tmp_path: Path, lan: list[str]
) -> None:
    options = ["--data-dir", str(tmp_path / "a"), *lan, "--name", "Ana"]
    ended = run(*options, stdin="hello\n/help\nover\nnever\n")
    assert ended.returncode == 0
    assert "terminal chat" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "Ana: hello" in ended.stdout
    assert "never" not in ended.stdout
    assert run("chat", *options, stdin="").returncode == 0


def test_an_empty_name_is_the_hosts(tmp_path: Path, lan: list[str]) -> None:
    ended = run("chat", "--data-dir", str(tmp_path / "a"), *lan, "--name", " ")
    assert ended.returncode == 0
    assert "name" in ended.stderr
    named = re.search(r"You are (.+?)\. ", ended.stdout)
    assert named
    assert named.group(1).strip()


def test_a_failure_is_one_line_and_a_traceback_only_for_debugging(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    ended = run("rpc", "--data-dir", str(tmp_path / "file"))
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    ended = run("rpc", "--data-dir", str(tmp_path / "file"), "--log-level", "debug")
    assert "Traceback" in ended.stderr


def test_passphrase(tmp_path: Path, lan: list[str]) -> None:
    (tmp_path / "phrase").write_text("correct horse\nsecond line\n")
    (tmp_path / "wrong").write_text("wrong\n")
    profile = ["--data-dir", str(tmp_path / "p"), *lan]
    right = ["--passphrase-file", str(tmp_path / "phrase")]
    assert run("rpc", *profile, *right).returncode == 0
    assert run("rpc", *profile, *right).returncode == 0
    for ended in (
        run("rpc", *profile),
        run("history", "#lobby", *profile),
        run("rpc", *profile, "--passphrase-file", str(tmp_path / "wrong")),
    ):
        assert ended.returncode == 2
        assert len(ended.stderr.splitlines()) == 1


# -- commands on nodes


def test_one_shot_commands(tmp_path: Path, lan: list[str]) -> None:
    ana, bob = ["--data-dir", str(tmp_path / "ana")], ["--data-dir", str(tmp_path / "bob")]
    with running(tmp_path / "ana", *lan, "--name", "Ana") as node:
        sent = run("send", "#lobby", "hello", "there", *bob, *lan, "--name", "Bob")
        assert (sent.returncode, sent.stdout, sent.stderr) == (0, "", "")
        assert node.wait_event("message.received")["message"]["text"] == "hello there"
        assert run("send", "@Ana", "psst", *bob, *lan).returncode == 0
        direct = node.wait_event("message.received")["message"]
        assert direct["conversation"] == f"@{direct['author']}"

        # by the process that runs on the profile, which has to be asked for its history too
        listed = json.loads(run("history", "#lobby", "--json", *ana).stdout)
        assert [m["text"] for m in listed if m["kind"] == "text"] == ["hello there"]
        found = run("history", "@Bob", "--search", "psst", "--limit", "5", *ana)
        assert found.stdout.strip().endswith("Bob: psst")
        assert run("send", "#lobby", "alone 😀", "--timeout", "0.5", *ana).returncode == 3
        as_windows = {"PYTHONIOENCODING": "cp1252"}  # to a pipe
        listed = json.loads(run("history", "#lobby", "--json", *ana, **as_windows).stdout)
        assert listed[-1]["text"] == "alone 😀"
        assert run("rpc", *ana).returncode == 4
        assert run("chat", *ana).returncode == 4

        deadline = time.monotonic() + DEADLINE
        while not (there := json.loads(run("peers", "--json", "--wait", "3", *bob, *lan).stdout)):
            assert time.monotonic() < deadline, "a busy machine may take longer, and no more"
        assert [peer["name"] for peer in there] == ["Ana"]
        with running(tmp_path / "bob", *lan):
            node.wait_event("peer.online")
            assert run("peers", *ana).stdout.startswith("Bob  online  ")

    # and without one
    mine = run("history", "#lobby", *bob, *lan)
    assert "Bob (you): hello there" in mine.stdout
    assert run("history", "#none", *bob, *lan).returncode == 2
    assert run("send", "@Nobody", "x", "--timeout", "0.5", *bob, *lan).returncode == 2
    assert run("send", "lobby", "x", *bob, *lan).returncode == 2
    alone = run("send", "#lobby", "later", "--timeout", "1", *bob, *lan)
    assert alone.returncode == 3
    assert len(alone.stderr.splitlines()) == 1
    assert "later" in run("history", "#lobby", *bob, *lan).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe there")
def test_a_node_that_is_closing_when_it_is_asked(tmp_path: Path, lan: list[str]) -> None:
    """It takes the connection and answers nothing: the command does without it."""
    bob = ["--data-dir", str(tmp_path / "bob"), *lan]
    run("history", "#lobby", *bob)
    with socket.socket(socket.AF_UNIX) as closing, socket_path(tmp_path / "bob") as path:
        closing.bind(path)
        closing.listen()
        taking = threading.Thread(target=lambda: closing.accept()[0].close())
        taking.start()
        assert run("history", "#lobby", *bob).returncode == 0
        taking.join()


def test_one_shot_commands_at_once(tmp_path: Path, lan: list[str]) -> None:
    """The first to open the profile serves the others, however it and they come and go."""
    bob = ["--data-dir", str(tmp_path / "bob"), *lan]
    said = [f"number {n}" for n in range(6)]
    commands = [["send", "#lobby", text] for text in said]
    commands += [["history", "#lobby"]] * 2
    with running(tmp_path / "ana", *lan, "--name", "Ana") as node:
        run("history", "#lobby", *bob)
        processes = [subprocess.Popen([*PROGRAM, *one, *bob]) for one in commands]
        try:
            assert [process.wait(DEADLINE) for process in processes] == [0] * len(commands)
        finally:
            for process in processes:
                process.kill()
                process.wait()
        listed = node.call("messages.list", conversation="#lobby")
        assert sorted(m["text"] for m in listed) == said


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", [["rpc"], ["chat"], ["peers", "--wait", "60"]])
def test_signals_end_every_command(
    tmp_path: Path, lan: list[str], command: list[str], how: signal.Signals
) -> None:
    process = subprocess.Popen(
        [*PROGRAM, *command, "--data-dir", str(tmp_path / "a"), *lan],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    deadline = time.monotonic() + DEADLINE
    while not (tmp_path / "a" / "control.sock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(how)
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert b"Traceback" not in err


def test_rpc_input_that_ends_early(tmp_path: Path, lan: list[str]) -> None:
    """A script that writes everything at once and closes its end."""
    lines = [
        {"id": 1, "method": "rooms.create", "params": {"room": "#maths"}},
        *(
            {"id": 10 + n, "method": "messages.send", "params": ["#maths", f"number {n}"]}
            for n in range(500)
        ),
        {"id": 2, "method": "messages.list", "params": {"conversation": "#maths", "limit": 1000}},
        {"id": 3, "method": "rooms.list"},
    ]
    script = "\n".join(json.dumps({"jsonrpc": "2.0", **line}) for line in lines)
    ended = run("rpc", "--data-dir", str(tmp_path / "a"), *lan, stdin=script)
    assert ended.returncode == 0
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    said = {answer["id"]: answer for answer in answers if "id" in answer}
    texts = [m["text"] for m in said[2]["result"] if m["kind"] == "text"]
    assert texts == [f"number {n}" for n in range(500)]
    assert {"#lobby", "#maths"} <= {room["room"] for room in said[3]["result"]}
    assert len(said) == 503


def test_the_log_of_the_chat_goes_to_a_file(tmp_path: Path, lan: list[str]) -> None:
    """On a terminal nothing is written between the lines."""
    if shutil.which("script") is None:
        pytest.skip("needs script(1)")
    options = ["--name", "Ana", "--log-level", "debug", "--data-dir", str(tmp_path / "a"), *lan]
    command = " ".join([*PROGRAM, "chat", *options])
    process = subprocess.Popen(
        ["script", "-qec", command, "/dev/null"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(TERM="xterm"),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    seen = b""
    deadline = time.monotonic() + DEADLINE
    while b"#lobby" not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([process.stdout], [], [], 0.1)[0]:
            seen += os.read(process.stdout.fileno(), 65536)
    process.stdin.write(b"over\r")
    process.stdin.flush()
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert b"DEBUG" not in seen + out
    assert "DEBUG" in (tmp_path / "a" / "p2pchat.log").read_text()


# -- sharing


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """A folder with an empty one in it, and a name in another script."""
    folder = tmp_path / "lesson"
    (folder / "empty").mkdir(parents=True)
    (folder / "作业.txt").write_text("homework")
    (folder / "data.bin").write_bytes(secrets.token_bytes(300_000))
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_share(tmp_path: Path, lan: list[str], lesson: Path) -> None:
    ana, bob = ["--data-dir", str(tmp_path / "ana")], ["--data-dir", str(tmp_path / "bob")]
    with running(tmp_path / "ana", *lan, "--name", "Ana") as node:
        data = lesson / "data.bin"
        shared = run("share", "#lobby", str(data), str(lesson), *bob, *lan, "--name", "Bob")
        assert (shared.returncode, shared.stderr) == (0, "")
        lines = shared.stdout.splitlines()
        assert lines[:2] == [
            "data.bin: offered (293.0 KiB)", "lesson: offered (2 files, 293.0 KiB)",
        ]  # fmt: skip
        assert sorted(lines[2:]) == ["data.bin: “Ana” has it", "lesson: “Ana” has it"]
        files = {file["name"]: file for file in node.call("files.list")}
        assert Path(files["data.bin"]["path"]).read_bytes() == data.read_bytes()
        assert contents(Path(files["lesson"]["path"])) == contents(lesson)

        # by the process that runs on the profile, in another folder than this one
        alone = run("share", "#lobby", str(data), "--timeout", "0.5", *ana)
        assert alone.returncode == 3
        assert len(alone.stderr.splitlines()) == 1
        with running(tmp_path / "bob", *lan):
            node.wait_event("peer.online")
            relative = os.path.relpath(lesson / "作业.txt")
            direct = run("share", "@Bob", relative, *ana)
            assert (direct.returncode, direct.stdout) == (
                0, "作业.txt: offered (8 B)\n作业.txt: “Bob” has it\n",
            )  # fmt: skip


def test_what_can_not_be_shared(tmp_path: Path, lan: list[str], lesson: Path) -> None:
    bob = ["--data-dir", str(tmp_path / "bob")]
    missing = run("share", "#lobby", str(lesson), str(tmp_path / "none"), *bob, *lan)
    assert missing.returncode == 2
    assert "none: there is no such file or folder" in missing.stderr
    assert not (tmp_path / "bob").exists(), "nothing was opened"
    wrong = run("share", "lobby", str(lesson), *bob, *lan)
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 1


def test_an_interrupted_share_ends_cleanly(tmp_path: Path, lan: list[str], lesson: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "share", "#lobby", str(lesson), "--timeout", "600",
         "--data-dir", str(tmp_path / "p"), *lan],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "offered" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=DEADLINE)
        assert (process.returncode, said, complaint) == (3, "", "")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
