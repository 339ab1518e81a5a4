"""Requests that come twice under one key are carried out once, and answered alike.

Called by doors for whatever a client may have to send again because it never saw the answer. The
key is taken before the work and says afterwards what was answered; whoever dies in between leaves a
key that is open, and nobody then claims that nothing happened.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import msgspec

from muxi.core.errors import (
    IdempotencyKeyReused,
    MuxiError,
    OutcomeUnknown,
    RequestInProgress,
    StorageError,
)
from muxi.core.ids import new_id
from muxi.runtime.principal import Principal
from muxi.runtime.secrets import Secrets
from muxi.storage import idempotency
from muxi.storage.idempotency import KnownRequest, State
from muxi.storage.records import now_micros
from muxi.storage.transaction import Database

KEPT_FOR = 24 * 3600
"""Seconds for which a key stands for its request."""

MOST_KEYS = 10_000
"""Keys that a user may have; of more, the oldest are forgotten."""

LARGEST_ANSWER = 256 * 1024
"""Bytes of an answer that is kept."""

_KEPT_MICROS = KEPT_FOR * 1_000_000
_SWEEP_EVERY = 256
"""Claims after which old keys are removed."""

_PATIENCE = 60_000_000
"""Microseconds for which another process is given the time to answer, where there may be one."""

_log = logging.getLogger("muxi.runtime")


class KeptAnswer(NamedTuple):
    """An answer as it was given."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(slots=True, kw_only=True)
class Claim:
    """A request under a key, which its caller carries out unless there is an `answer`."""

    who: Principal
    key: str
    run_id: str
    """What a run is called that the request begins, however often it comes."""
    again: bool = False
    """Whether it was carried out before, so that a run of that name may be there."""
    answer: KeptAnswer | None = None
    private: bool = False
    """Whether what it is answered is not to be kept."""


@dataclass(kw_only=True)
class Idempotency:
    """The idempotency keys of the project."""

    database: Database
    secrets: Secrets
    holder: str = field(default_factory=lambda: new_id("proc"))
    _open: set[tuple[Principal, str]] = field(default_factory=set[tuple[Principal, str]])
    _claims: int = 0

    async def claim(self, who: Principal, key: str, fingerprint: str, *, repeatable: bool) -> Claim:
        """Take a key for a request, or say what became of it.

        Args:
            who: Whose key it is.
            key: As the client sent it.
            fingerprint: What makes the request the same as another.
            repeatable: Whether it may be carried out again, as it finds what it made before.

        Raises:
            IdempotencyKeyReused: The key stands for another request.
            RequestInProgress: The same request is being carried out.
            OutcomeUnknown: It was, and nobody knows with what result, or its answer was not kept.
        """
        digest = hashlib.sha256(key.encode()).hexdigest()
        if (who, digest) in self._open:
            raise RequestInProgress(retry_after=1)
        self._open.add((who, digest))
        try:
            await self._sweep(who)
            return await self._take(who, digest, fingerprint, repeatable=repeatable)
        except BaseException:
            self._open.discard((who, digest))
            raise

    async def keep(self, claim: Claim, answer: KeptAnswer | None, *, repeatable: bool) -> None:
        """The request was carried out, with this answer; None for one that cannot be kept."""
        state: State = "repeatable" if repeatable and answer is None else "lost"
        sealed = None
        if answer is not None and len(answer.body) <= LARGEST_ANSWER:
            state, sealed = (
                "kept",
                await self.secrets.seal(msgspec.msgpack.encode(answer), _purpose(claim)),
            )
        try:
            await self._store(claim, partial(idempotency.keep, state=state, answer=sealed))
        except MuxiError as error:
            # It is answered all the same: what was asked for is done.
            _log.warning("The answer to a request could not be kept: %s", error.message)

    async def release(self, claim: Claim) -> None:
        """The request changed nothing: its key may be used anew."""
        try:
            await self._store(claim, idempotency.release)
        except MuxiError as error:
            _log.warning("The key of a request could not be let go: %s", error.message)

    def abandon(self, claim: Claim) -> None:
        """Nobody knows what became of the request."""
        self._open.discard((claim.who, claim.key))

    async def _take(
        self, who: Principal, digest: str, fingerprint: str, *, repeatable: bool
    ) -> Claim:
        run_id = new_id("run")
        write = partial(
            idempotency.claim,
            key=digest,
            fingerprint=fingerprint,
            run_id=run_id,
            holder=self.holder,
            before=now_micros() - _KEPT_MICROS,
        )
        known = await self.database.write(who, write, tiny=True)
        claim = Claim(who=who, key=digest, run_id=run_id)
        if known is None:
            return claim
        if known.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        claim.run_id, claim.again = known.run_id, True
        if known.state == "kept" and known.answer is not None:
            claim.answer = await self._opened(claim, known.answer)
            self.abandon(claim)
            return claim
        await self._check_again(claim, known, repeatable=repeatable)
        return claim

    async def _check_again(self, claim: Claim, known: KnownRequest, *, repeatable: bool) -> None:
        """Raise unless the request may be carried out again, and by this process."""
        if known.state == "open" and self._may_live(known):
            raise RequestInProgress(retry_after=1)
        if known.state == "lost":
            raise OutcomeUnknown("The request was carried out, and its answer was not kept.")
        if not repeatable:
            raise OutcomeUnknown
        take = partial(idempotency.take_over, key=claim.key, known=known, holder=self.holder)
        if not await self.database.write(claim.who, take, tiny=True):
            raise RequestInProgress(retry_after=1)

    async def _opened(self, claim: Claim, sealed: bytes) -> KeptAnswer:
        try:
            plain = await self.secrets.unseal(bytes(sealed), _purpose(claim))
        except StorageError as error:
            # The master key was changed since.
            raise OutcomeUnknown("The answer to this request cannot be read any more.") from error
        return msgspec.msgpack.decode(plain, type=KeptAnswer)

    def _may_live(self, known: KnownRequest) -> bool:
        """Whether another process may still be at work on the request."""
        # The owner of a SQLite project is alone with it.
        if self.database.dialect == "sqlite" or known.holder == self.holder:
            return False
        return now_micros() - known.claimed_at < _PATIENCE

    async def _store(self, claim: Claim, write: Callable[..., None]) -> None:
        try:
            await self.database.write(claim.who, partial(write, key=claim.key), tiny=True)
        finally:
            self.abandon(claim)

    async def _sweep(self, who: Principal) -> None:
        self._claims += 1
        if self._claims % _SWEEP_EVERY == 1:
            sweep = partial(idempotency.sweep, before=now_micros() - _KEPT_MICROS, most=MOST_KEYS)
            await self.database.write(who, sweep)


def _purpose(claim: Claim) -> str:
    """What a sealed answer is bound to, so that it cannot be moved to another key."""
    return f"answer {claim.who.tenant} {claim.key}"
