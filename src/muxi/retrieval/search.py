"""Search over the passages of some owners: words, vectors, who and when in one sum.

Called by `memory` and `knowledge`. It reads only, within the scope that it is given, and holds no
text: a passage that is gone from the database is gone from every result.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from muxi.core.errors import MuxiError
from muxi.models.embedding import Embedder
from muxi.models.reranking import Reranker
from muxi.retrieval.matrices import Matrices, Matrix
from muxi.retrieval.question import Question
from muxi.retrieval.ranking import Hit, Similar, reranked
from muxi.retrieval.weights import DEFAULT, Weights
from muxi.storage import passages, vectors
from muxi.storage.passages import PassageRow
from muxi.storage.transaction import Database, Scope, Tx

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Found", "Hit", "Searcher"]

_BY_WORDS: Final = 200
_BY_VECTOR: Final = 60
_BY_INDEX: Final = 400
_LOOKED_AT: Final = 80
"""Candidates at most whose speaker, date and text are read."""
_RERANKED: Final = 50
_MOST: Final = 1_000
_PATIENCE: Final = 5.0
_REST: Final = 30.0
_SHORTEST: Final = 2
"""Characters of a question that are worth a vector."""


@dataclass(slots=True)
class Found:
    """What a search gave, the best first."""

    hits: list[Hit] = field(default_factory=list[Hit])
    rows: dict[int, PassageRow] = field(default_factory=dict[int, PassageRow])
    """The passages behind the hits by their numbers, as they stood when they were found."""
    embedder: str | None = None
    """The model by which meanings were compared; None when only words were."""
    note: str | None = None
    """What could not be done, in words for people; None when all was."""


class Searcher:
    """Finds passages. One object serves a whole project, from one event loop at a time.

    Args:
        database: Where passages, words and vectors are.
        embedder: Makes the vector of a question; None: words alone.
        reranker: Orders the first fifty anew, if there is one.
        weights: What each signal counts.
        patience: Seconds that a question waits for the embedder, and again for the reranker,
            before it goes on without.
        cache_bytes: Memory for matrices.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder | None = None,
        *,
        reranker: Reranker | None = None,
        weights: Weights = DEFAULT,
        patience: float = _PATIENCE,
        cache_bytes: int = 128 << 20,
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._reranker = reranker
        self._weights = weights
        self._patience = patience
        self._matrices = Matrices(cache_bytes)
        self._resting: dict[str, tuple[float, str]] = {}

    @property
    def embedder(self) -> Embedder | None:
        """By whose vectors is searched."""
        return self._embedder

    def use(self, embedder: Embedder | None) -> None:
        """From now on compare with the vectors of this model."""
        self._embedder = embedder
        self._matrices.clear()

    def rerank_by(self, reranker: Reranker | None) -> None:
        """From now on let this one order what was found."""
        self._reranker = reranker

    def changed(self, tenant: str, owner: str) -> None:
        """Vectors of this owner were written or removed."""
        self._matrices.drop(tenant, owner)

    async def search(
        self,
        who: Scope,
        owners: Sequence[str],
        question: Question,
        *,
        corpus: str,
        limit: int = 10,
        groups: Sequence[str] | None = None,
        signals: Mapping[int, float] | None = None,
    ) -> Found:
        """The passages of `owners` that answer `question`, at most `limit`.

        Args:
            who: Whose transaction it is.
            owners: Whose passages may be found.
            question: By `Question.read`.
            corpus: `memory` or `knowledge`.
            limit: At most 1,000.
            groups: If given, only passages of these threads, sessions or documents.
            signals: Further scores by number of passage, such as of facts drawn from it; they are
                scaled by their greatest.

        Raises:
            AccessDenied: One of the owners is another user than the scope's.
            StorageError: The database could not answer.
        """
        limit = max(0, min(limit, _MOST))
        if not owners or not limit:
            return Found()
        embedder = self._embedder
        vector, note = await self._vector(embedder, question)
        task = _Task(
            owners=tuple(dict.fromkeys(owners)),
            question=question,
            corpus=corpus,
            limit=max(limit, _RERANKED) if self._reranker else limit,
            groups=groups,
            extra=signals or {},
            model=embedder.name if embedder and vector is not None else None,
            vector=vector,
        )
        hits, rows = await self._database.read(who, partial(self._find, task))
        found = Found(hits, rows, task.model, note)
        if self._reranker is not None and hits:
            await self._rerank(self._reranker, question, found)
        found.hits = found.hits[:limit]
        return found

    async def _vector(
        self, embedder: Embedder | None, question: Question
    ) -> tuple[NDArray[np.float32] | None, str | None]:
        if embedder is None or len(question.what) < _SHORTEST:
            return None, None
        note = self._at_rest(embedder.name)
        if note is not None:
            return None, note
        try:
            async with asyncio.timeout(self._patience):
                (vector,) = await embedder.embed([question.what])
        except (MuxiError, TimeoutError) as error:
            return None, self._fail(embedder.name, error, "Only words were compared")
        return vector, None

    async def _rerank(self, reranker: Reranker, question: Question, found: Found) -> None:
        texts = [_told(found.rows[hit.number]) for hit in found.hits[:_RERANKED]]
        note = self._at_rest(reranker.name)
        if note is None:
            try:
                async with asyncio.timeout(self._patience):
                    scores = await reranker.rank(question.asked, texts)
            except (MuxiError, TimeoutError) as error:
                note = self._fail(reranker.name, error, "Nothing was reranked")
            else:
                found.hits = reranked(found.hits, scores, self._weights.rerank)
        found.note = " ".join(filter(None, (found.note, note))) or None

    def _at_rest(self, name: str) -> str | None:
        """The note about a model that has just failed: every turn would wait for it again."""
        until, note = self._resting.get(name, (0.0, ""))
        return note if time.monotonic() < until else None

    def _fail(self, name: str, error: Exception, consequence: str) -> str:
        why = error.message if isinstance(error, MuxiError) else "It did not answer in time."
        note = f"{consequence}, because {name} failed: {why}"
        self._resting[name] = (time.monotonic() + _REST, note)
        return note

    def _find(self, task: _Task, tx: Tx) -> tuple[list[Hit], dict[int, PassageRow]]:
        from muxi.retrieval.candidates import Candidates, joined

        candidates = Candidates(self._weights)
        by_words = passages.match(
            tx,
            task.owners,
            task.corpus,
            task.question.words,
            limit=_BY_WORDS,
            groups=task.groups,
        )
        candidates.add_scores("words", by_words, self._weights.words)
        candidates.add_scores("extra", task.extra.items(), self._weights.extra)
        among = None
        if task.groups is not None and task.vector is not None:
            among = passages.in_groups(tx, task.owners, task.groups)
        for kind, name, weight in (
            ("turn", "vector", self._weights.vector),
            ("window", "window", self._weights.window),
        ):
            also = candidates.numbers.tolist()
            similar = self._similar(tx, task, kind, also) if weight else []
            candidates.add_similar(name, joined(similar, among), weight, most=_BY_VECTOR)
        wanted = candidates.worth_reading(task.question, limit=task.limit, most=_LOOKED_AT)
        seen = passages.glimpses(tx, task.owners, task.corpus, wanted)
        if task.groups is not None:
            seen = [row for row in seen if row.group_id in task.groups]
        hits = candidates.hits(seen, task.question)[: task.limit]
        rows = passages.by_numbers(tx, task.owners, [hit.number for hit in hits])
        return hits, {row.number: row for row in rows}

    def _similar(self, tx: Tx, task: _Task, kind: str, also: Sequence[int]) -> list[Similar]:
        vector, model = task.vector, task.model
        if vector is None or model is None:
            return []
        found: list[Similar] = []
        for owner in task.owners:
            if (near := _near(tx, task, owner, kind, also)) is not None:
                found.append(near)
                continue
            key = (tx.scope.tenant, owner, task.corpus, model, kind)
            read = partial(_scan, tx, owner, task.corpus, model, kind)
            if (near := self._matrices.get(key, read).similar(vector)) is not None:
                found.append(near)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One search, as the thread that reads the database needs it."""

    owners: Sequence[str]
    question: Question
    corpus: str
    limit: int
    groups: Sequence[str] | None
    extra: Mapping[int, float]
    model: str | None
    vector: NDArray[np.float32] | None


def _near(tx: Tx, task: _Task, owner: str, kind: str, also: Sequence[int]) -> Similar | None:
    """The nearest passages of an owner that is so large that they are indexed; None for others."""
    import numpy as np

    # An index knows nothing of groups, and might find none of theirs among the nearest.
    if task.vector is None or task.model is None or task.groups is not None:
        return None
    near = vectors.nearest(
        tx,
        owner,
        task.corpus,
        task.model,
        kind,
        question=task.vector.tolist(),
        limit=_BY_INDEX,
        also=also,
    )
    if near is None:
        return None
    numbers, cosines = zip(*sorted(near), strict=True) if near else ((), ())
    return Similar(np.array(numbers, np.int64), np.array(cosines, np.float32))


def _scan(tx: Tx, owner: str, corpus: str, model: str, kind: str) -> Matrix:
    return Matrix(vectors.scan(tx, owner, corpus, model, kind), time.monotonic())


def _told(row: PassageRow) -> str:
    """A passage as a reranker reads it, which knows of speakers only what stands in the text."""
    return f"{row.speaker}: {row.text}" if row.speaker else row.text
