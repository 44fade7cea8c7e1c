"""The commands of the terminal chat that are about accounts: `/register`, `/login` and so on."""

from __future__ import annotations

from p2pchat.model.accounts import SignedIn
from p2pchat.model.text import one_line, safe_name
from p2pchat.ui.marked import marked
from p2pchat.ui.presenters.account import risk
from p2pchat.ui.presenters.words import size
from p2pchat.ui.terminal.command import Command, Wrong
from p2pchat.ui.terminal.state import Chat


async def _name_and_secret(chat: Chat, rest: str, command: str) -> tuple[str, str]:
    """The password is asked for where that can be done unseen, else it is the last word."""
    if chat.ask_secret is None:
        name, _, secret = rest.rpartition(" ")
        if not name.strip() or not secret:
            raise Wrong(f"/{command} NAME PASSWORD")
        return name.strip(), secret
    if not rest:
        raise Wrong(f"which name? /{command} NAME")
    return rest, await _secret(chat, f"password of {one_line(rest, 40)}: ")


async def _secret(chat: Chat, prompt: str) -> str:
    secret = await chat.ask_secret(prompt) if chat.ask_secret is not None else None
    if not secret:
        raise Wrong("no password, nothing was done")
    return secret


async def _register(chat: Chat, rest: str) -> None:
    registrar = await chat.node.accounts.registrar()
    if registrar.peer_id is not None:
        chat.say(risk(registrar.guarded))
    name, password = await _name_and_secret(chat, rest, "register")
    if chat.ask_secret is not None and await _secret(chat, "the same again: ") != password:
        raise Wrong("these are two passwords, nothing was done")
    made = await chat.node.accounts.register(name, password)
    chat.me = await chat.node.profile()
    chat.say(f"you are registered as {safe_name(made.name)}")
    chat.say(f"Write this down, it opens the account without a password: {made.recovery_code}")


async def _login(chat: Chat, rest: str) -> None:
    name, password = await _name_and_secret(chat, rest, "login")
    signed = await chat.node.accounts.login(name, password)
    await chat.begin()
    _say_signed_in(chat, signed)


def _say_signed_in(chat: Chat, signed: SignedIn, more: str = "") -> None:
    if signed.renamed_from is not None:
        old = one_line(safe_name(signed.renamed_from), 40)
        chat.say(f"{old} is somebody else's account by now, yours has another name:")
    chat.say(f"you are signed in as {safe_name(signed.name)}{more}")
    if signed.elsewhere:
        chat.say("you are signed in on another computer as well, which may be")


async def _recover(chat: Chat, rest: str) -> None:
    if chat.ask_secret is None:
        rest, _, new = rest.rpartition(" ")
    else:
        new = ""
    name, _, code = rest.rpartition(" ")
    if not name.strip() or not code or (chat.ask_secret is None and not new):
        raise Wrong("/recover NAME CODE, the code that registering gave")
    new = new or await _secret(chat, "new password: ")
    signed = await chat.node.accounts.recover(name.strip(), code, new)
    await chat.begin()
    _say_signed_in(chat, signed, ", with a new password")


async def _logout(chat: Chat, rest: str) -> None:
    """What was downloaded is named first; `delete` means what was named."""
    word = rest.strip().casefold()
    if word not in ("", "delete", "keep"):
        raise Wrong("/logout, /logout delete or /logout keep")
    downloads = [] if word == "keep" else await chat.node.accounts.downloads()
    named, chat.downloads_named = chat.downloads_named, frozenset(one.path for one in downloads)
    if downloads and not (word == "delete" and chat.downloads_named <= named):
        chat.say(
            "These files came to this computer for you, and whoever uses it next may open them:"
        )
        for one in downloads:
            chat.say(f"  {safe_name(one.name)}, {size(one.size)}")
        chat.say("/logout delete deletes them and signs you out, /logout keep leaves them here.")
        return
    chat.downloads_named = frozenset()
    left = await chat.node.accounts.logout([one.path for one in downloads])
    await chat.begin()
    chat.say(f"you are signed out, and somebody new: {safe_name(chat.me.name)}")
    if left.deleted:
        chat.say(f"downloads deleted: {len(left.deleted)}")
    for path in left.kept:
        chat.say(f"not deleted, as it was changed: {one_line(safe_name(path), 400)}")


async def _password(chat: Chat, rest: str) -> None:
    if chat.ask_secret is None:
        old, _, new = rest.partition(" ")
        if not old or not new:
            raise Wrong("/password OLD NEW")
    else:
        old = await _secret(chat, "present password: ")
        new = await _secret(chat, "new password: ")
        if await _secret(chat, "the same again: ") != new:
            raise Wrong("these are two passwords, nothing was done")
    await chat.node.accounts.change_password(old, new)
    chat.say("the password is another one now")


async def _accounts(chat: Chat, rest: str) -> None:
    registrar = await chat.node.accounts.registrar()
    who = safe_name(registrar.label) if registrar.label else "nobody"
    own = ", this node" if registrar.state == "registrar" else ""
    chat.say(f"the registrar is {who}{own}")
    for account in await chat.node.accounts.accounts():
        here = ", here now" if account.online else ""
        chat.say(f"{marked(safe_name(account.name), registered=True)}{here}")


ACCOUNT_COMMANDS = (
    Command("register", "NAME", "register your name, with a password", _register),
    Command("login", "NAME", "sign in to an account", _login),
    Command("logout", "[delete|keep]", "sign out, with or without the downloads", _logout),
    Command("password", "", "change the account's password", _password),
    Command("recover", "NAME CODE", "sign in with the recovery code", _recover),
    Command("accounts", "", "the registrar, and who is registered", _accounts),
)
