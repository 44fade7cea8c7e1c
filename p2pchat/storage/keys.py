"""The store's key: in the system's keyring, under a passphrase, or in a file of the owner's.

A small header file in the profile remembers which, so that a profile is always opened the way it
was made. `check` tells a wrong key from a damaged store.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import logging
import os
import secrets
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from p2pchat.errors import DiskFull, PassphraseNeeded, StoreDamaged, StoreError, StoreLocked

_log = logging.getLogger("p2pchat.storage.keys")

KEY_FILE = "store.key"
SEALED_FILE = "store.key.sealed"
"""A KeyHeader, sealed to the account whose profile this is, until that is signed in here."""
GONE_FILE = "store.key.gone"
"""The key, on its way to be overwritten."""
SERVICE = "p2pchat"
KEYRING_NEW_S = 0.5
"""How long one that is reached by D-Bus may take when a profile is made; a slower one isn't used
for it. Those of Windows and macOS answer, but loading their library may take a second."""
KEYRING_OPEN_S = 60.0
"""How long it may take to open a profile: a locked keyring asks its owner first."""
ARGON2_MEMORY_KIB = 64 * 1024
"""64 MiB, 3 passes, 4 lanes: RFC 9106, second choice; some 0.1 s."""
ARGON2_PASSES = 3
ARGON2_LANES = 4
SECURE_KEYRINGS = (
    "keyring.backends.SecretService",
    "keyring.backends.kwallet",
    "keyring.backends.libsecret",
    "keyring.backends.Windows",
    "keyring.backends.macOS",
)
"""Others (plain files, such as keyrings.alt has) are no better than our own."""


_T = TypeVar("_T")


class KeyKind(StrEnum):
    KEYRING = "keyring"
    PASSPHRASE = "passphrase"
    FILE = "file"


class KeyHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What KEY_FILE holds, as JSON; bytes are base64."""

    kind: KeyKind
    check: bytes
    """Keyed BLAKE2b of a constant, under the store's key."""
    key: bytes = b""
    """FILE: the key itself."""
    name: str = ""
    """KEYRING: the entry's name."""
    salt: bytes = b""
    """PASSPHRASE: of Argon2id, with its cost below."""
    memory_kib: int = ARGON2_MEMORY_KIB
    passes: int = ARGON2_PASSES
    lanes: int = ARGON2_LANES
    has_store: bool = False
    """Whether a store was made under the key."""


class Keyring(Protocol):
    """What we use of keyring's backends."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


def obtain_key(directory: Path, passphrase: str | None) -> tuple[bytes, KeyKind]:
    """The key of the profile's store, made at the first start: under the passphrase if there is
    one, else in the keyring if it is secure and answers, else in the header file. StoreLocked
    where it can't be had, PassphraseNeeded where a passphrase would do."""
    path = directory / KEY_FILE
    if path.exists():
        header = _read(path)
        key = _unlock(header, passphrase)
        if not hmac.compare_digest(_check(key), header.check):
            raise StoreLocked(_WRONG[header.kind])
        return key, header.kind
    key = secrets.token_bytes(32)
    if passphrase:
        salted = KeyHeader(kind=KeyKind.PASSPHRASE, check=b"", salt=secrets.token_bytes(16))
        key = _stretch(salted, passphrase)
        header = msgspec.structs.replace(salted, check=_check(key))
    else:
        header = _in_keyring(key) or KeyHeader(kind=KeyKind.FILE, check=_check(key), key=key)
    write_private(path, msgspec.json.encode(header))
    return key, header.kind


def is_under_passphrase(directory: Path) -> bool:
    """Whether the profile in this folder, if there is one, needs a passphrase. StoreError."""
    return has_key(directory) and _read(directory / KEY_FILE).kind is KeyKind.PASSPHRASE


def has_key(directory: Path) -> bool:
    """Whether there is a profile in this folder. StoreError where that can't be seen."""
    try:
        (directory / KEY_FILE).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise folder_unusable(directory, error) from error
    return True


def folder_unusable(directory: Path, error: OSError) -> StoreError:
    return StoreError(f"the profile's folder can't be used: {directory}: {error.strerror}")


def has_store(directory: Path) -> bool:
    """Whether there was a store under the key once. StoreError."""
    return has_key(directory) and _read(directory / KEY_FILE).has_store


def remember_store(directory: Path) -> None:
    """From now on a store that isn't there, or is empty, has been lost. StoreError, DiskFull."""
    header = _read(directory / KEY_FILE)
    if not header.has_store:
        kept = msgspec.structs.replace(header, has_store=True)
        write_private(directory / KEY_FILE, msgspec.json.encode(kept))


def seal_key(directory: Path, seal: Callable[[bytes], bytes]) -> None:
    """Keep a sealed copy of the key beside it, for `forget_key`. Of one under a passphrase, which
    others at this computer may know, it is the salt. StoreError."""
    header = _read(directory / KEY_FILE)
    if header.kind is not KeyKind.PASSPHRASE:
        header = KeyHeader(kind=KeyKind.FILE, check=header.check, key=_unlock(header, None))
    write_private(directory / SEALED_FILE, seal(msgspec.json.encode(header)))


def forget_key(directory: Path) -> None:
    """Leave nothing here that opens the store but the sealed copy of its key. Whoever is ended in
    between does it again; what `restore_key` needs is there at any moment. StoreError: something of
    it is to be done again."""
    _forget(directory, (directory / SEALED_FILE).exists())


def destroy_key(directory: Path) -> None:
    """Nobody opens the store again. What `forget_key` says of endings and errors holds."""
    _forget(directory, True)


def _forget(directory: Path, wholly: bool) -> None:
    path, gone = directory / KEY_FILE, directory / GONE_FILE
    try:
        if wholly and path.exists():
            os.replace(path, gone)
            _sync_folder(directory)
        if gone.exists():
            with contextlib.suppress(StoreDamaged):  # overwritten already
                header = _read(gone)
                if header.kind is KeyKind.KEYRING:
                    _drop_from_keyring(header.name)
            _overwrite(gone)
        for unfinished in directory.glob(f"{KEY_FILE}.*.new"):
            _overwrite(unfinished)
    except OSError as error:
        raise StoreError(f"the profile can't be written: {path}: {error.strerror}") from error


def _overwrite(path: Path) -> None:
    """And remove it: what is only unlinked can be found on the disk again."""
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def restore_key(directory: Path, unseal: Callable[[bytes], bytes | None]) -> None:
    """Put a key that `seal_key` has sealed back to its place, if it is needed. The copy stays until
    `drop_sealed_key`. StoreLocked where it doesn't open."""
    path = directory / SEALED_FILE
    if has_key(directory) or not path.exists():
        return
    try:
        unsealed = unseal(path.read_bytes())
    except OSError as error:
        raise folder_unusable(directory, error) from error
    if unsealed is None:
        raise StoreLocked("the key of this profile was sealed by another account")
    header = _decoded(unsealed, path)
    if header.kind is KeyKind.FILE:
        header = _in_keyring(header.key) or header
    write_private(directory / KEY_FILE, msgspec.json.encode(_with_store(header)))


def drop_sealed_key(directory: Path) -> None:
    """Whoever has sealed it is signed in: the copy isn't needed until they sign out. StoreError."""
    path = directory / SEALED_FILE
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise folder_unusable(directory, error) from error


def _with_store(header: KeyHeader) -> KeyHeader:
    return msgspec.structs.replace(header, has_store=True)


_WRONG = {
    KeyKind.PASSPHRASE: "wrong passphrase",
    KeyKind.KEYRING: "the key in the system's keyring is not this profile's",
    KeyKind.FILE: f"the key in {KEY_FILE} is not this profile's",
}


def _check(key: bytes) -> bytes:
    return hashlib.blake2b(b"p2pchat store key", key=key, digest_size=16).digest()


def _read(path: Path) -> KeyHeader:
    try:
        return _decoded(path.read_bytes(), path)
    except OSError as error:
        raise StoreError(f"the profile's key file can't be read: {path}: {error}") from error


def _decoded(header: bytes, path: Path) -> KeyHeader:
    try:
        return msgspec.json.decode(header, type=KeyHeader)
    except ValueError as error:
        raise StoreDamaged(f"the profile's key file is damaged: {path}") from error


def write_private(path: Path, data: bytes) -> None:
    """Replace a file, durably, readable by its owner alone. DiskFull, StoreError."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        failed = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreError
        raise failed(f"the profile can't be written: {path}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unlock(header: KeyHeader, passphrase: str | None) -> bytes:
    match header.kind:
        case KeyKind.FILE:
            return header.key
        case KeyKind.PASSPHRASE:
            if not passphrase:
                raise PassphraseNeeded("the profile is under a passphrase")
            return _stretch(header, passphrase)
        case KeyKind.KEYRING:
            return _from_keyring(header.name)


# -- passphrase


def _stretch(header: KeyHeader, passphrase: str) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    argon2 = Argon2id(
        salt=header.salt,
        length=32,
        iterations=header.passes,
        lanes=header.lanes,
        memory_cost=header.memory_kib,
    )
    return argon2.derive(passphrase.encode("utf-8", "surrogatepass"))


# -- keyring


def _in_keyring(key: bytes) -> KeyHeader | None:
    """Put the key into the system's keyring; None where there is none that is secure and quick."""
    name = f"profile {secrets.token_hex(8)}"

    def keep() -> bool:
        keyring = system_keyring()
        if keyring is None:
            return False
        keyring.set_password(SERVICE, name, key.hex())
        return keyring.get_password(SERVICE, name) == key.hex()

    if not keyring_may_be_here():
        return None
    try:
        own = sys.platform in ("win32", "darwin")
        kept = _within(KEYRING_OPEN_S if own else KEYRING_NEW_S, keep)
    except Exception as error:
        # Backends raise what they like: D-Bus errors, their own, AttributeError.
        _log.info("the system's keyring can't be used: %s", error)
        return None
    return KeyHeader(kind=KeyKind.KEYRING, check=_check(key), name=name) if kept else None


def _from_keyring(name: str) -> bytes:
    def fetch() -> str | None:
        keyring = system_keyring()
        return None if keyring is None else keyring.get_password(SERVICE, name)

    try:
        kept = _within(KEYRING_OPEN_S, fetch)
        if kept is not None:
            return bytes.fromhex(kept)
    except Exception as error:
        raise StoreLocked(
            f"the system's keyring doesn't give the profile's key: {error}"
        ) from error
    raise StoreLocked(f"the profile's key is not in the system's keyring (entry {name!r})")


def _drop_from_keyring(name: str) -> None:
    def drop() -> None:
        keyring = system_keyring()
        if keyring is not None and keyring.get_password(SERVICE, name) is not None:
            keyring.delete_password(SERVICE, name)

    try:
        _within(KEYRING_OPEN_S, drop)
    except TimeoutError as error:
        raise StoreError("the system's keyring doesn't answer") from error
    except Exception as error:
        raise StoreError(f"the system's keyring keeps the profile's key: {error}") from error


def keyring_may_be_here() -> bool:
    """Whether it is worth the third of a second that loading the keyring library takes: on Linux
    every secure keyring is reached by the session's D-Bus."""
    if sys.platform in ("win32", "darwin"):
        return True
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return runtime is not None and os.path.exists(os.path.join(runtime, "bus"))


def system_keyring() -> Keyring | None:
    """The system's keyring, if it is a secure one."""
    import keyring

    backend: Any = keyring.get_keyring()
    # The chainer asks several in turn, best first.
    for candidate in getattr(backend, "backends", [backend]):
        if type(candidate).__module__ in SECURE_KEYRINGS:
            found: Keyring = candidate
            return found
    return None


def _within(seconds: float, work: Callable[[], _T]) -> _T:
    """The result of `work`; TimeoutError where it takes longer. It runs in a daemon thread, as
    nothing ends a call that waits for D-Bus."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError("it doesn't answer")
    return results[0]
