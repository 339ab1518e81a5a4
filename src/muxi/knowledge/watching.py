"""Tells when files change. Run by `runtime.knowledge`; it must never read them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from muxi.core.documents import Document

_log = logging.getLogger("muxi.knowledge")


@dataclass(kw_only=True)
class Watcher:
    """Watches the folders of documents, those of single files too."""

    changed: Callable[[set[Path]], None]
    """Told the paths that have changed, have come or have gone, some at a time."""
    _task: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _watched: frozenset[tuple[Path, bool]] = frozenset()

    async def watch(self, roots: Sequence[Document]) -> None:
        """From now on watch these folders and files, and no others."""
        wanted = await asyncio.to_thread(_places, roots)
        if wanted == self._watched:
            return
        await self.close()
        self._watched = wanted
        if wanted:
            self._stop = asyncio.Event()
            self._task = asyncio.create_task(self._follow(wanted, self._stop), name="watcher")

    async def close(self) -> None:
        """Watch no longer."""
        self._watched = frozenset()
        if self._task is not None:
            self._stop.set()
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _follow(self, wanted: frozenset[tuple[Path, bool]], stop: asyncio.Event) -> None:
        groups = [[path for path, deep in wanted if deep is wish] for wish in (True, False)]
        followers = [
            self._follow_some(paths, stop, recursive=recursive)
            for paths, recursive in zip(groups, (True, False), strict=True)
            if paths
        ]
        await asyncio.gather(*followers)

    async def _follow_some(
        self, paths: Sequence[Path], stop: asyncio.Event, *, recursive: bool
    ) -> None:
        import watchfiles

        follow = cast("Any", watchfiles).awatch(
            *paths, stop_event=stop, recursive=recursive, watch_filter=None, step=100
        )
        try:
            async for changes in follow:
                self.changed({Path(path) for _, path in changes})
        except (OSError, RuntimeError) as error:
            # Such as when the system watches as many files as it can.
            _log.warning("Changes of documents are not noticed any more: %s", error)


def _places(roots: Sequence[Document]) -> frozenset[tuple[Path, bool]]:
    places = (_place(root) for root in roots)
    return frozenset(place for place in places if place is not None and place[0].is_dir())


def _place(root: Document) -> tuple[Path, bool] | None:
    """The folder to watch for a document, and whether all folders in it count too.

    A file that is replaced by another of its name is a new file, which only its folder knows.
    """
    if root.kind == "folder":
        return Path(root.uri), True
    return (Path(root.uri).parent, False) if root.kind == "file" else None
