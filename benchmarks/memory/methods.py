"""Ways to find turns of a history: muxi's, and the plain ones that others are made of.

Used by `recall`. Each method takes a history once and then ranks its turns for one question.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from benchmarks.memory.conversations import History
from muxi.models.embedding import Embedder
from muxi.retrieval.languages import languages
from muxi.retrieval.question import Question
from muxi.retrieval.search import Searcher
from muxi.retrieval.weights import DEFAULT, Weights
from muxi.retrieval.window import plain_window, window_words
from muxi.storage import passages, vectors
from muxi.storage.database import Scope, open_database
from muxi.storage.passages import PassageRow

K = 50
"""Places of a ranking that are looked at."""


class Cached:
    """An embedder that embeds a text once: the same turns are given to several methods."""

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.name = inner.name
        self._known: dict[str, np.ndarray] = {}

    @property
    def dimensions(self) -> int:
        return self.inner.dimensions

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        for at in range(0, len(fresh), 64):
            batch = fresh[at : at + 64]
            rows = await self.inner.embed(batch)
            self._known.update(zip(batch, rows, strict=True))
        return np.stack([self._known[text] for text in texts])

    async def close(self) -> None:
        await self.inner.close()


class Method(Protocol):
    name: str

    async def read(self, history: History) -> None: ...

    async def rank(self, question: str) -> list[int]:
        """Places of turns, the best first."""
        ...


class FullText:
    """FTS5 with Porter's stemmer over "speaker: text"; words of the question, OR-ed."""

    name = "full text (FTS5, porter)"

    async def read(self, history: History) -> None:
        self._db = sqlite3.connect(":memory:")
        self._db.execute("CREATE VIRTUAL TABLE t USING fts5(text, tokenize='porter unicode61')")
        rows = [(f"{turn.speaker}: {turn.text}",) for turn in history.turns]
        self._db.executemany("INSERT INTO t(text) VALUES (?)", rows)

    async def rank(self, question: str) -> list[int]:
        stop = frozenset().union(*(each.function for each in languages().values()))
        found = [word for word in re.findall(r"\w+", question.lower()) if word not in stop]
        if not found:
            return []
        terms = " OR ".join(f'"{word}"' for word in found)
        rows = self._db.execute("SELECT rowid FROM t(?) ORDER BY rank LIMIT ?", (terms, K))
        return [number - 1 for (number,) in rows]


class Vectors:
    """Exact cosine of the question with "speaker: text"."""

    def __init__(self, embedder: Embedder, label: str) -> None:
        self.name = f"vectors ({label})"
        self._embedder = embedder

    async def read(self, history: History) -> None:
        texts = [f"{turn.speaker}: {turn.text}" for turn in history.turns]
        self._rows = await self._embedder.embed(texts)

    async def rank(self, question: str) -> list[int]:
        (vector,) = await self._embedder.embed([question])
        return np.argsort(-np.einsum("ij,j->i", self._rows, vector))[:K].tolist()


class Fused:
    """Reciprocal rank fusion, 60, of full text and vectors."""

    def __init__(self, embedder: Embedder, label: str) -> None:
        self.name = f"rank fusion (FTS5 + {label})"
        self._parts: list[Method] = [FullText(), Vectors(embedder, label)]

    async def read(self, history: History) -> None:
        for part in self._parts:
            await part.read(history)

    async def rank(self, question: str) -> list[int]:
        scores: dict[int, float] = {}
        for part in self._parts:
            for place, turn in enumerate(await part.rank(question)):
                scores[turn] = scores.get(turn, 0.0) + 1 / (60 + place)
        return sorted(scores, key=lambda turn: -scores[turn])[:K]


class Muxi:
    """`muxi.retrieval` over a store in memory, as the runtime uses it."""

    def __init__(
        self,
        embedder: Embedder | None,
        label: str,
        *,
        weights: Weights = DEFAULT,
        windows: bool = True,
    ) -> None:
        self.name = f"muxi ({label})"
        self.weights = weights
        self._embedder = embedder
        self._windows = windows
        self._opened: dict[str, tuple[History, Searcher, dict[int, int]]] = {}
        self.cpu: list[float] = []
        self.trace: list[dict[str, float]] = []

    async def read(self, history: History) -> None:
        if history.name not in self._opened:
            self._opened[history.name] = await self._fill(history)
        self._history, self._searcher, self._places = self._opened[history.name]
        self._searcher._weights = self.weights  # noqa: SLF001 -- the fit tries many on one store

    async def _fill(self, history: History) -> tuple[History, Searcher, dict[int, int]]:
        database = await open_database("sqlite://")
        who, owner = Scope("benchmark", history.name), f"user:{history.name}"
        rows = [
            PassageRow(
                id=f"mem_{at:06}",
                corpus="memory",
                kind="turn",
                group_id=turn.session,
                place=at,
                text=turn.text,
                speaker=turn.speaker,
                said_at=int(turn.said_at.timestamp() * 1e6),
                created_at=int(turn.said_at.timestamp() * 1e6),
            )
            for at, turn in enumerate(history.turns)
        ]
        turns = range(len(history.turns))
        indexed = [window_words(history.turns, at) for at in turns]
        made: dict[str, np.ndarray] = {}
        if self._embedder is not None:
            made["turn"] = await self._embedder.embed([turn.text for turn in history.turns])
            if self._windows:
                texts = [plain_window(history.turns, at) for at in turns]
                made["window"] = await self._embedder.embed(texts)
        numbers = await database.write(who, lambda tx: passages.add(tx, owner, rows))
        found = dict(zip(numbers, indexed, strict=True))
        await database.write(who, lambda tx: passages.set_many_words(tx, owner, found))
        for kind, matrix in made.items():
            pairs = list(zip(numbers, matrix, strict=True))

            def put(tx, kind=kind, pairs=pairs):
                vectors.put(tx, owner, "memory", self._embedder.name, kind, made=pairs)

            await database.write(who, put)
        searcher = Searcher(database, self._embedder, weights=self.weights)
        return history, searcher, {number: at for at, number in enumerate(numbers)}

    async def rank(self, question: str) -> list[int]:
        history = self._history
        before = time.process_time()
        asked = Question.read(
            question,
            {} if history.me else history.people,
            me=history.me,
            you=history.you,
            now=history.turns[-1].said_at,
        )
        scope, owner = Scope("benchmark", history.name), f"user:{history.name}"
        found = await self._searcher.search(scope, [owner], asked, corpus="memory", limit=K)
        self.cpu.append(time.process_time() - before)
        return [self._places[hit.number] for hit in found.hits]

    async def close(self) -> None:
        for _, searcher, _ in self._opened.values():
            await searcher._database.close()  # noqa: SLF001 -- the method opened it
