"""JSON-RPC 2.0 on the wire: requests are told apart from junk, answers are encoded.

Source: https://www.jsonrpc.org/specification. An id is echoed byte for byte.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Literal

import msgspec

from p2pchat.config.limits import RPC_BATCH
from p2pchat.errors import REASON_CODES, BadParams, DiskFull, RequestError, StoreError
from p2pchat.events import Event

NULL_ID = msgspec.Raw(b"null")


class Code(IntEnum):
    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603


class RpcError(Exception):
    """A fault of the request itself, found before or instead of calling the node."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


class Request(msgspec.Struct, frozen=True):
    """One call. Without `id` it is a notification, which is never answered."""

    method: str
    jsonrpc: Literal["2.0"]
    params: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()

    @property
    def wants_answer(self) -> bool:
        return bool(bytes(self.id))


class Answer(msgspec.Struct, frozen=True):
    id: msgspec.Raw
    result: Any
    jsonrpc: str = "2.0"


class ErrorInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    code: int
    message: str
    data: dict[str, Any] | None = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    id: msgspec.Raw
    error: ErrorInfo
    jsonrpc: str = "2.0"


class Notification(msgspec.Struct, frozen=True):
    params: Event
    method: str = "event"
    jsonrpc: str = "2.0"


_one = msgspec.json.Decoder(Request)
_many = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()
encode = _encoder.encode


def parse_line(line: bytes) -> Request | RpcError | list[Request | RpcError]:
    """One line: a request, what is wrong with it, or a batch of both. Never raises."""
    try:
        if not line.isascii():
            line.decode()  # a Raw part is kept unchecked
        if line.lstrip()[:1] != b"[":
            return _parse_request(line)
        batch = _many.decode(line)
    except RecursionError:
        return RpcError(Code.PARSE_ERROR, "nested too deeply")
    except ValueError as error:  # msgspec.DecodeError and UnicodeDecodeError are of this kind
        return RpcError(Code.PARSE_ERROR, str(error))
    if not 0 < len(batch) <= RPC_BATCH:
        return RpcError(Code.INVALID_REQUEST, f"a batch holds 1 to {RPC_BATCH} requests")
    return [_parse_request(bytes(part)) for part in batch]


def _parse_request(data: bytes) -> Request | RpcError:
    try:
        request = _one.decode(data)
    except msgspec.ValidationError as error:
        return RpcError(Code.INVALID_REQUEST, str(error))
    if request.wants_answer and bytes(request.id)[:1] in b"{[tf":
        return RpcError(Code.INVALID_REQUEST, "an id is a string, a number or null")
    return request


def answer(id: msgspec.Raw, result: Any) -> bytes:
    return encode(Answer(id, result))


def error_answer(id: msgspec.Raw, error: BaseException) -> bytes:
    """What a failed call answers; see `describe`."""
    return encode(ErrorAnswer(id, describe(error)))


def describe(error: BaseException) -> ErrorInfo:
    """The code, text and data of an error. What isn't meant for callers is `internal error`."""
    if isinstance(error, RequestError) and error.reason in REASON_CODES:
        data = {"reason": error.reason, **error.data}
        return ErrorInfo(REASON_CODES[error.reason], str(error), data)
    if isinstance(error, RpcError):
        return ErrorInfo(error.code, str(error))
    if isinstance(error, BadParams):
        return ErrorInfo(Code.INVALID_PARAMS, str(error))
    if isinstance(error, DiskFull):
        reason = "disk-full"
        return ErrorInfo(REASON_CODES[reason], str(error) or "disk full", {"reason": reason})
    if isinstance(error, StoreError):
        reason = "store-failed"
        return ErrorInfo(REASON_CODES[reason], str(error), {"reason": reason})
    return ErrorInfo(Code.INTERNAL_ERROR, "internal error")
