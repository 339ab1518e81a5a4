"""Vectors of what is remembered: made after it was stored, and made anew when the model changes.

Called by the backlog and by the standalone memory, one batch at a time; never by a turn. While a
new model's vectors are being made the old ones answer; they are dropped when the new are complete.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from muxi.core.errors import ModelRejected, MuxiError, StorageError
from muxi.memory.rows import MEMORY
from muxi.memory.writing import window_of
from muxi.retrieval.search import Searcher
from muxi.storage import cursors, passages, vectors
from muxi.storage.transaction import Database, Scope, Tx

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from muxi.models.embedding import Embedder

_log = logging.getLogger("muxi.memory")

_BATCH: Final = 128
_LONGEST: Final = 6_000
"""Characters of a text that are embedded: most models read no more."""
_SHORTER: Final = 1_000
"""Characters of a text that a provider refused, the second time."""

SERVING: Final = "memory.embedder"
"""Name of the cursor that holds the model whose vectors are complete."""

KINDS: Final = (("turn", None), ("window", MEMORY))
"""What is embedded: every passage alone, and turns with their neighbours besides."""

Resolve = Callable[[str], Awaitable["Embedder"]]
"""The embedder of a name that stands beside stored vectors. Raises `MuxiError` if there is none."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the vectors of the wanted model have come, in all tenants together."""

    serving: str | None
    making: str | None
    """None if nothing is made anew."""
    embedded: int
    missing: int


@dataclass(kw_only=True)
class Embedding:
    """Keeps the vectors of one database up to date.

    Args:
        database: Where passages and vectors are.
        searcher: Whoever compares with them in this process.
        target: The wanted model; None for none.
        resolve: Gives the models of older vectors.
    """

    database: Database
    searcher: Searcher
    target: Embedder | None
    resolve: Resolve
    problem: str | None = None
    """Why the last attempt failed; None if it did not."""
    _serving: Embedder | None = None
    chosen: bool = False
    """Whether it is known which model answers."""
    _noted: set[str] = field(default_factory=set[str])
    _marks: dict[tuple[str, str, str], int] = field(default_factory=dict[tuple[str, str, str], int])

    @property
    def switching(self) -> bool:
        """Whether older vectors answer while new ones are made."""
        return self.chosen and self._serving is not self.target

    async def choose(self, tenants: Iterable[str]) -> None:
        """Let the model answer whose vectors were complete last, which is the wanted one mostly."""
        serving = self.target
        for tenant in tenants:
            read = partial(cursors.get, name=SERVING)
            known = await self.database.read(Scope(tenant, None), read, tiny=True)
            if self.target is not None and known not in (None, self.target.name):
                serving = await self._older(str(known)) or serving
        self._serve(serving)
        self.chosen = True

    async def switch(self, target: Embedder | None, tenants: Iterable[str]) -> None:
        """From now on want another model; the present one answers until the new one can."""
        tenants = list(tenants)
        await self._note(tenants, self._serving)
        before, self.target = self.target, target
        self._marks.clear()
        await self.choose(tenants)
        if before is not None and before not in (self._serving, target):
            await before.close()

    async def step(self, tenant: str) -> bool:
        """Embed one batch of each kind; whether there may be more.

        Raises:
            MuxiError: A provider could not answer or a batch could not be stored; all that is
                missing is tried again with the next step.
        """
        busy = False
        failed: MuxiError | None = None
        for embedder in dict.fromkeys((self.target, self._serving)):
            if embedder is None:
                continue
            try:
                busy |= await self._advance(tenant, embedder)
            except StorageError:
                raise
            except MuxiError as error:
                failed = error
                if embedder is self._serving and embedder is not self.target:
                    # Whatever the old provider does, the new one goes on.
                    failed = None
        if self.target is not None:
            self.problem = None if failed is None else failed.message
        if failed is not None:
            raise failed
        return busy

    async def settle(self, tenants: Iterable[str]) -> None:
        """When all vectors of the wanted model are there, let it answer and drop the others."""
        tenants = list(tenants)
        target = self.target
        if not self.switching or target is None:
            return
        if not await self._is_complete(tenants, target.name):
            self._marks.clear()
            return
        old = self._serving
        self._serve(target)
        await self._note(tenants, target)
        for tenant in tenants:
            await self._drop_others(tenant, target.name)
        if old is not None:
            _log.info("All memories have vectors of %s now; %s is given up.", target.name, old.name)
            await old.close()

    async def progress(self, tenants: Iterable[str]) -> Progress:
        """How far the vectors have come, counted anew."""
        embedded = missing = 0
        name = None if self.target is None else self.target.name
        for tenant in tenants:
            states = await self.database.read(Scope(tenant, None), vectors.state)
            known = {state.kind: state for state in states if state.model == name}
            if "turn" in known:
                embedded += known["turn"].vectors
                missing += known["turn"].missing
            elif name is not None:
                missing += await self._passages(tenant)
        serving = None if self._serving is None else self._serving.name
        return Progress(serving, name if self.switching else None, embedded, missing)

    async def close(self) -> None:
        """Close the models."""
        for embedder in dict.fromkeys((self.target, self._serving)):
            if embedder is not None:
                await embedder.close()

    async def _note(self, tenants: Iterable[str], serving: Embedder | None) -> None:
        """Let other processes, and the next one, know whose vectors are complete."""
        if serving is None:
            return
        write = partial(cursors.set, name=SERVING, cursor=serving.name)
        for tenant in tenants:
            await self.database.write(Scope(tenant, None), write)
            self._noted.add(tenant)

    def _serve(self, embedder: Embedder | None) -> None:
        self._serving = embedder
        self.searcher.use(embedder)

    async def _advance(self, tenant: str, embedder: Embedder) -> bool:
        """Make a batch of each kind and store them together; whether there was anything to make.

        If the provider fails at the second, the first is stored all the same.
        """
        made: list[_Batch] = []
        try:
            for kind, corpus in KINDS:
                if (batch := await self._made(tenant, embedder, kind, corpus)) is not None:
                    made.append(batch)
        finally:
            await self._store(tenant, embedder, made)
        return bool(made)

    async def _made(
        self, tenant: str, embedder: Embedder, kind: str, corpus: str | None
    ) -> _Batch | None:
        after = self._marks.get((tenant, embedder.name, kind), 0)
        look = partial(_texts, model=embedder.name, kind=kind, corpus=corpus, after=after)
        found = await self.database.read(Scope(tenant, None), look)
        if not found:
            return None
        made = await _embed(embedder, [text for *_, text in found])
        by_owner: _Vectors = defaultdict(list)
        for (number, owner, where, _), vector in zip(found, made, strict=True):
            by_owner[owner, where].append((number, vector))
        return _Batch(kind, by_owner, found[-1][0])

    async def _store(self, tenant: str, embedder: Embedder, made: Sequence[_Batch]) -> None:
        if not made:
            return
        whole = Scope(tenant, None)

        def store(tx: Tx) -> None:
            for batch in made:
                for (owner, where), rows in batch.by_owner.items():
                    vectors.put(tx, owner, where, embedder.name, batch.kind, made=rows)

        await self.database.write(whole, store)
        if not self.switching and tenant not in self._noted:
            await self._note([tenant], embedder)
        for batch in made:
            self._marks[tenant, embedder.name, batch.kind] = batch.last
        for owner in {owner for batch in made for owner, _ in batch.by_owner}:
            self.searcher.changed(tenant, owner)

    async def _is_complete(self, tenants: Iterable[str], model: str) -> bool:
        for tenant in tenants:
            for kind, corpus in KINDS:
                look = partial(vectors.missing, model=model, corpus=corpus, kind=kind, limit=1)
                if await self.database.read(Scope(tenant, None), look):
                    return False
        return True

    async def _older(self, model: str) -> Embedder | None:
        if self._serving is not None and self._serving.name == model:
            return self._serving
        try:
            return await self.resolve(model)
        except MuxiError as error:
            _log.warning("Older vectors cannot be searched: %s", error.message)
            return None

    async def _drop_others(self, tenant: str, kept: str) -> None:
        whole = Scope(tenant, None)
        states = await self.database.read(whole, vectors.state)
        for model in {state.model for state in states} - {kept}:
            after: int | None = 0
            while after is not None:
                drop = partial(vectors.drop, model=model, after=after)
                after = await self.database.write(whole, drop)

    async def _passages(self, tenant: str) -> int:
        def count(tx: Tx) -> int:
            owners = passages.owners(tx)
            return sum(passages.count(tx, owner, MEMORY)[0] for owner in owners)

        return await self.database.read(Scope(tenant, None), count)


_Vectors = dict[tuple[str, str], list[tuple[int, Sequence[float]]]]
"""By owner and corpus, with the numbers of their passages."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Vectors of one kind that are not stored yet."""

    kind: str
    by_owner: _Vectors
    last: int
    """The highest number of a passage among them."""


def _texts(
    tx: Tx, *, model: str, kind: str, corpus: str | None, after: int
) -> list[tuple[int, str, str, str]]:
    """Number, owner, corpus and text of passages that have no such vector."""
    found = vectors.missing(tx, model, corpus, kind=kind, limit=_BATCH, after=after)
    if kind != "window" or not found:
        return [(number, owner, where, text[:_LONGEST]) for number, owner, where, text in found]
    owners = list(dict.fromkeys(owner for _, owner, *_ in found))
    rows = passages.by_numbers(tx, owners, [number for number, *_ in found])
    windows = {row.number: window_of(tx, row) for row in rows}
    return [
        (number, owner, where, windows.get(number, text)[:_LONGEST])
        for number, owner, where, text in found
    ]


async def _embed(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    """A vector of each text; a text that the provider refuses by itself gets one of zeros."""
    try:
        return await embedder.embed(texts)
    except ModelRejected:
        if len(texts) == 1:
            return await _embed_refused(embedder, texts[0])
    import numpy as np

    half = len(texts) // 2
    return np.concatenate(
        [await _embed(embedder, texts[:half]), await _embed(embedder, texts[half:])]
    )


async def _embed_refused(embedder: Embedder, text: str) -> NDArray[np.float32]:
    if len(text) > _SHORTER:
        try:
            return await embedder.embed([text[:_SHORTER]])
        except ModelRejected:
            _log.warning("%s takes no vector of a memory; its words are found.", embedder.name)
    import numpy as np

    # It lies in no direction, so that it is never near; its words are found all the same.
    return np.zeros((1, embedder.dimensions), dtype=np.float32)
