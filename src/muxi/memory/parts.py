"""What memory is made of, put together once: for a project by `runtime`, and for `Memory` alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from muxi.memory.embedding import Embedding
from muxi.memory.facts import FactStore
from muxi.memory.finding import Finder
from muxi.memory.forgetting import Forgetting
from muxi.memory.memories import Memories
from muxi.retrieval.search import Searcher

if TYPE_CHECKING:
    from muxi.models.embedding import Embedder
    from muxi.storage.transaction import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The memory of one database."""

    database: Database
    finder: Finder
    embedding: Embedding
    memories: Memories
    facts: FactStore
    forgetting: Forgetting


def parts_of(
    forgetting: Forgetting,
    *,
    resolve: Callable[[str], Awaitable[Embedder]],
    embedder: Embedder | None = None,
) -> Parts:
    """The memory of a database, of which nothing is at work yet.

    Args:
        forgetting: Who forgets in the database, and in the files beside it.
        resolve: Gives the embedder of a name that stands beside stored vectors.
        embedder: The wanted one, if it is known already.
    """
    database = forgetting.database
    searcher = Searcher(database)
    finder = Finder(database=database, searcher=searcher)
    forgetting.listeners.append(finder.forgot)
    return Parts(
        database=database,
        finder=finder,
        embedding=Embedding(database=database, searcher=searcher, target=embedder, resolve=resolve),
        memories=Memories(database=database, finder=finder),
        facts=FactStore(database),
        forgetting=forgetting,
    )
