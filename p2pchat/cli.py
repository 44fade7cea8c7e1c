"""The command line: options, exit codes, and one line for whatever goes wrong.

Exit codes: 0 done, 1 an unexpected failure, 2 wrong usage or an impossible request, 3 nobody
answered in time, 4 the profile is in use. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from p2pchat import __version__

if TYPE_CHECKING:
    from p2pchat.config.settings import Options

DONE, FAILED, USAGE, NOBODY, IN_USE = range(5)
LEVELS = ("debug", "info", "warning", "error")
_DESCRIPTION = "Chat on a local network without a server."
_ADDRESS = "HOST:PORT"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command to its end; the exit code. The entry point of the installed program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    given = parse(arguments)
    # Until a command waits for it itself, SIGTERM ends the program as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return guarded(lambda: _COMMANDS[given.command](given), given.log_level == "debug")


def guarded(command: Callable[[], int], with_traceback: bool = False) -> int:
    """The command's exit code, or that of what it raised, after one line on stderr."""
    from p2pchat.errors import P2PChatError

    try:
        code = command()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return DONE
    except BrokenPipeError:  # nobody reads our output any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return DONE
    except Exception as error:
        known = isinstance(error, P2PChatError)
        if with_traceback:
            import traceback

            traceback.print_exc()
        text = str(error) if known else _unexpected(error)
        print(f"p2pchat: {_line(text)}", file=sys.stderr)  # noqa: T201 - this is the output
        return _exit_code(error) if known else FAILED


def _unexpected(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return str(error)
    return f"unexpected failure: {type(error).__name__}: {error}"


def _line(text: str) -> str:
    from p2pchat.model.text import one_line

    return one_line(text, 500)


def _exit_code(error: Exception) -> int:
    from p2pchat.errors import BadParams, ProfileInUse, RequestError, StoreError, UsageError

    if isinstance(error, ProfileInUse):
        return IN_USE
    if isinstance(error, RequestError):
        return NOBODY if error.reason in ("nobody-answered", "not-linked") else USAGE
    return USAGE if isinstance(error, UsageError | BadParams | StoreError) else FAILED


# -- arguments


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("p2pchat", description=_DESCRIPTION, allow_abbrev=False)
    _add_options(parser, after=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_CommandParser)
    commands.add_parser("window", help="the window")
    commands.add_parser("chat", help="the terminal chat")
    commands.add_parser("rpc", help="a headless node, driven by JSON-RPC on stdin and stdout")
    _add_udp(commands.add_parser("udp", help="text lines as UDP datagrams, to one peer"))
    _add_send(commands.add_parser("send", help="send one message"))
    _add_share(commands.add_parser("share", help="share files and folders"))
    _add_peers(commands.add_parser("peers", help="who is on the LAN now"))
    # Its own --limit counts messages; it sends no files.
    history = commands.add_parser(
        "history", help="print stored messages", conflict_handler="resolve"
    )
    _add_history(history)
    return parser


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, with options before or after the command. Wrong usage exits with 2."""
    parser = make_parser()
    given = parser.parse_args(arguments)
    for name in ("interface", "connect"):
        merged = [*getattr(given, name), *getattr(given, f"{name}_after", ())]
        setattr(given, name, merged)
    given.command = "licenses" if given.licenses else given.command or "default"
    if given.data_dir is not None and given.profile is not None:
        parser.error("--data-dir and --profile exclude each other")
    return given


class _CommandParser(argparse.ArgumentParser):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)
        _add_options(self, after=True)


def _add_options(parser: argparse.ArgumentParser, after: bool) -> None:
    """The options of every command. `after` the command they replace or add to those before."""
    group = parser.add_argument_group("options of every command")

    def add(name: str, default: Any = None, **settings: Any) -> None:
        group.add_argument(name, default=argparse.SUPPRESS if after else default, **settings)

    def add_many(name: str, **settings: Any) -> None:
        dest = name.lstrip("-") + ("_after" if after else "")
        add(name, default=[], action="append", dest=dest, **settings)

    add("--data-dir", metavar="DIR", help="everything of one profile")
    add("--profile", metavar="NAME", help="a named profile under the default folder")
    add("--passphrase-file", metavar="FILE", help="opens a profile under a passphrase")
    add("--name", help="the display name, kept in the profile")
    add("--network", metavar="NAME", help="only nodes of one network see each other")
    add("--network-code", metavar="CODE", help="a shared secret of the network")
    add("--listen", metavar="[HOST:]PORT", help="where links are accepted")
    add_many("--interface", metavar="NAME-OR-ADDRESS", help="use only this one (repeatable)")
    add_many("--connect", metavar=_ADDRESS, help="also link to this address (repeatable)")
    add("--no-mdns", False, action="store_true", help="neither advertise nor browse by mDNS")
    add("--no-beacon", False, action="store_true", help="neither send nor hear beacons")
    add("--registrar", False, action="store_true", help="willing to be elected registrar")
    add("--appointing-key", metavar="FILE", help="willing and appointed, by this key")
    add("--appointed-by", metavar="KEY", help="the public half of the network's appointing key")
    add("--limit", type=_rate, metavar="RATE", dest="rate",
        help="upload limit for files in bytes a second, such as 500K or 20M; 0: none")  # fmt: skip
    add("--log-level", "warning", type=str.lower, choices=LEVELS, metavar="LEVEL")
    add("--version", action="version", version=f"p2pchat {__version__}")
    add("--licenses", False, action="store_true", help="the licenses of all parts")


def _add_udp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bind", metavar="[HOST:]PORT", help="the address to bind")
    parser.add_argument("peer", metavar=_ADDRESS, help="the peer's address")


def _add_send(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("conversation", metavar="CONVERSATION", help="#room or @person")
    parser.add_argument("text", metavar="TEXT", nargs="+")
    parser.add_argument("--timeout", metavar="S", type=_seconds, default=10.0)


def _add_share(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("conversation", metavar="CONVERSATION", help="#room or @person")
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a file or folder")
    parser.add_argument(
        "--timeout", metavar="S", type=_seconds, default=10.0,
        help="so long without anybody taking more of it",
    )  # fmt: skip


def _add_peers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--wait", metavar="S", type=_seconds, default=3.0)


def _add_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("conversation", metavar="CONVERSATION", help="#room or @person")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--search", metavar="QUERY")
    parser.add_argument("--limit", metavar="N", type=_count, default=50)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 0 < value < 2**53:
        raise ValueError(text)
    return value


def _rate(text: str) -> int:
    """Bytes a second: a number, with K, M or G for thousands, millions or milliards."""
    from p2pchat.config.settings import check_limit

    factor = {"K": 10**3, "M": 10**6, "G": 10**9}.get(text[-1:].upper())
    value = float(text[:-1]) * factor if factor else float(text)
    if not 0 <= value < 2**53:
        raise ValueError(text)
    check_limit(rate := int(value))
    return rate


# For argparse's messages.
_seconds.__name__, _count.__name__ = "number of seconds", "number"
_rate.__name__ = "rate (such as 500K or 20M bytes a second, at least 1K)"


# -- commands


def _default(given: argparse.Namespace) -> int:
    from p2pchat import app

    options = options_of(given)
    why = app.why_no_window()
    if why is None:
        return app.run_window(options, given.log_level)
    print(f"No window: {why}. This is the terminal chat.", file=sys.stderr)  # noqa: T201 - output
    return app.run_chat(options, given.log_level)


def _window(given: argparse.Namespace) -> int:
    from p2pchat import app
    from p2pchat.errors import UsageError

    options = options_of(given)
    why = app.why_no_window()
    if why is not None:
        raise UsageError(f"no window: {why}; `p2pchat chat` works in a terminal")
    return app.run_window(options, given.log_level)


def _chat(given: argparse.Namespace) -> int:
    from p2pchat import app

    return app.run_chat(options_of(given), given.log_level)


def _rpc(given: argparse.Namespace) -> int:
    from p2pchat import app

    return app.run_rpc(options_of(given), given.log_level)


def _udp(given: argparse.Namespace) -> int:
    from p2pchat import app
    from p2pchat.config import addresses

    bind, peer = addresses.parse_listen(given.bind), addresses.parse(given.peer)
    return app.run_udp(bind, peer, given.log_level)


def _send(given: argparse.Namespace) -> int:
    from p2pchat import app
    from p2pchat.model.text import well_formed

    text = well_formed(" ".join(given.text))
    options, conversation = options_of(given), well_formed(given.conversation)
    return app.run_send(options, given.log_level, conversation, text, given.timeout)


def _share(given: argparse.Namespace) -> int:
    from p2pchat import app
    from p2pchat.model.text import well_formed

    options, conversation = options_of(given), well_formed(given.conversation)
    return app.run_share(options, given.log_level, conversation, given.paths, given.timeout)


def _peers(given: argparse.Namespace) -> int:
    from p2pchat import app

    return app.run_peers(options_of(given), given.log_level, given.wait, given.json)


def _history(given: argparse.Namespace) -> int:
    from p2pchat import app
    from p2pchat.model.text import well_formed

    query = None if given.search is None else well_formed(given.search)
    options, conversation = options_of(given), well_formed(given.conversation)
    return app.run_history(options, given.log_level, conversation, query, given.limit, given.json)


def _licenses(given: argparse.Namespace) -> int:
    from p2pchat.ui.terminal.licenses import print_licenses

    print_licenses()
    return DONE


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "default": _default,
    "window": _window,
    "chat": _chat,
    "rpc": _rpc,
    "udp": _udp,
    "send": _send,
    "share": _share,
    "peers": _peers,
    "history": _history,
    "licenses": _licenses,
}


# -- options


def options_of(given: argparse.Namespace) -> Options:
    """The options of every command, checked. UsageError says what is wrong."""
    from p2pchat.config import addresses
    from p2pchat.config.settings import Options
    from p2pchat.errors import UsageError
    from p2pchat.model.text import well_formed

    listen = ("", None) if given.listen is None else addresses.parse_listen(given.listen)
    code = given.network_code
    if given.network == "" or code == "":
        raise UsageError("--network and --network-code can't be empty")
    appointing, appointed_by = _appointing(given.appointing_key, given.appointed_by)
    return Options(
        data_dir=_data_dir(given),
        name=_checked_name(given.name),
        network=well_formed(given.network or ""),
        network_code=None if code is None else well_formed(code),
        listen_host=listen[0],
        listen_port=listen[1],
        interfaces=tuple(given.interface),
        connect=tuple(addresses.parse(text) for text in given.connect),
        mdns=not given.no_mdns,
        beacon=not given.no_beacon,
        passphrase=_passphrase(given.passphrase_file),
        limit=given.rate,
        registrar=given.registrar,
        appointing_key=appointing,
        appointed_by=appointed_by,
    )


def _data_dir(given: argparse.Namespace) -> str:
    from p2pchat.config.profiles import PROFILES, is_profile_name
    from p2pchat.errors import UsageError

    if given.data_dir is not None:
        if not given.data_dir:
            raise UsageError("--data-dir needs a folder")
        return os.path.abspath(str(given.data_dir))
    import platformdirs

    base = platformdirs.user_data_dir("p2pchat", appauthor=False)
    if given.profile is None:
        return str(base)
    if not is_profile_name(given.profile):
        raise UsageError("--profile takes a plain name: letters, digits, space, - and _")
    return os.path.join(str(base), PROFILES, given.profile)


def _checked_name(name: str | None) -> str | None:
    """None where none was given; empty stands for the host's name."""
    from p2pchat.errors import RequestError, UsageError
    from p2pchat.model.names import display_name
    from p2pchat.model.text import well_formed

    if name is None:
        return None
    try:
        chosen = display_name(well_formed(name))
    except RequestError as error:
        raise UsageError(f"--name: {error}") from error
    if not chosen:
        print("p2pchat: the name is empty: this host's is used", file=sys.stderr)  # noqa: T201 - output
    return chosen


def _appointing(file: str | None, key: str | None) -> tuple[bytes | None, bytes]:
    """The seed of the appointing key and its public half, as far as they were given."""
    from p2pchat.config.appointing import read_file_text
    from p2pchat.errors import UsageError
    from p2pchat.model.ids import read_key

    try:
        public = b"" if key is None else read_key(key)
    except ValueError as error:
        raise UsageError(f"--appointed-by: {error}") from error
    if file is None:
        return None, public
    from p2pchat.protocol.identity import Signer

    try:
        with open(file, encoding="utf-8") as lines:
            seed = read_file_text(lines.read(1024))
            if os.name == "posix" and os.fstat(lines.fileno()).st_mode & 0o077:
                text = (
                    f"p2pchat: {file}: others can read it, or change it: chmod 600 makes it yours"
                )
                print(text, file=sys.stderr)  # noqa: T201 - output
    except OSError as error:
        raise UsageError(f"--appointing-key {file}: {error.strerror}") from None
    except ValueError:
        raise UsageError(
            f"--appointing-key {file}: this is no key that `registrar.appoint` has written"
        ) from None
    own = Signer(seed).key
    if public not in (b"", own):
        raise UsageError("--appointing-key and --appointed-by are of two keys")
    return seed, own


def _passphrase(file: str | None) -> str | None:
    """The first line of the file."""
    from p2pchat.errors import UsageError

    if file is None:
        return None
    try:
        with open(file, encoding="utf-8") as lines:
            passphrase = lines.readline().rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"--passphrase-file {file}: {why}") from None
    if not passphrase:
        raise UsageError(f"--passphrase-file {file}: its first line is empty")
    return passphrase
