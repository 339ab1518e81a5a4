"""ETags, and requests that hold only for one of them (RFC 9110, section 13).

Called by the dispatcher. The ETag of an answer is a digest of its bytes, so it changes exactly when
the answer does. A change that names one is made only if it still holds: it is compared before, and
once more in the transaction itself where the operation says how.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from weakref import WeakValueDictionary

from pydantic import BaseModel

from muxi.core.errors import InvalidInput, NotFound, PreconditionFailed
from muxi.runtime.conditions import LockedReading, Reading, Tx, only_if

IF_MATCH = b"if-match"
IF_NONE_MATCH = b"if-none-match"

_TAG = re.compile(rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LIST = re.compile(rb"[\s,]*(?:" + _TAG.pattern + rb"[\s,]*)+")

_changing: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()


def tag_of(content: bytes) -> bytes:
    """The ETag of an answer with these bytes."""
    digest = hashlib.sha256(content).digest()[:15]
    return b'"' + urlsafe_b64encode(digest) + b'"'


def is_known(header: bytes | None, tag: bytes) -> bool:
    """Whether the client has this version already, as its `If-None-Match` says."""
    if header is None:
        return False
    if header.strip() == b"*":
        return True
    return any(found[1] == tag for found in _TAG.findall(header))


def check(header: bytes, tag: bytes | None) -> None:
    """Compare what `If-Match` says with the present ETag; None if there is no such thing.

    Raises:
        PreconditionFailed: Another version is there, or none.
        InvalidInput: The header is no list of ETags.
    """
    if header.strip() == b"*":
        if tag is None:
            raise PreconditionFailed
        return
    if _LIST.fullmatch(header) is None:
        raise InvalidInput('`If-Match` names no ETag: send it as it came, such as "abc".')
    # A weak one never matches here: it does not stand for the very same bytes.
    if tag is None or all(weak or found != tag for weak, found in _TAG.findall(header)):
        raise PreconditionFailed


def turn(tenant: str, path: str) -> asyncio.Lock:
    """What conditional changes of one thing wait for, so that each sees those before it."""
    return _changing.setdefault((tenant, path), asyncio.Lock())


async def unless_changed(
    header: bytes,
    *,
    read: Callable[[], Awaitable[bytes]] | None,
    current: Reading | None,
) -> AbstractContextManager[None]:
    """The condition under which a change is made: enter it around the change.

    Args:
        header: Of `If-Match`.
        read: Gives what a reader would be answered now; None for what nobody can read.
        current: How that is read in the transaction of the change.

    Raises:
        PreconditionFailed: It does not hold.
        NotFound: There is no such thing.
    """
    check(header, None if read is None else tag_of(await read()))
    return _in_transaction(current, partial(_recheck, header=header))


async def unless_there(
    *, read: Callable[[], Awaitable[bytes]] | None, current: Reading | None
) -> AbstractContextManager[None]:
    """As `unless_changed`, for what is to be made only if there is no such thing."""
    if read is not None:
        with suppress(NotFound):
            await read()
            raise _there()
    return _in_transaction(current, _recheck_absence)


def _in_transaction(
    current: Reading | None, recheck: Callable[[Tx, Reading], None]
) -> AbstractContextManager[None]:
    if current is None:
        return nullcontext()
    return only_if(lambda tx: recheck(tx, current), locks=isinstance(current, LockedReading))


def _recheck(tx: Tx, current: Reading, *, header: bytes) -> None:
    check(header, tag_of(rendered(current(tx))))


def _recheck_absence(tx: Tx, current: Reading) -> None:
    with suppress(NotFound):
        current(tx)
        raise _there()


def _there() -> PreconditionFailed:
    return PreconditionFailed("There is one already.", hint="Send `If-Match` to replace it.")


def rendered(model: BaseModel) -> bytes:
    """The body of an answer."""
    return model.model_dump_json().encode()
