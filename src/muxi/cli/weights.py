"""Fetches the weights of embedded models, with a bar. Used by `models pull`, and by the commands
that start a runtime, before they do."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from muxi.cli import output

if TYPE_CHECKING:
    from muxi.config.project import Project
    from muxi.models.embedded.weights import Progress, Weights


def prepare_weights(project: Project) -> None:
    """Fetch the weights that the project's agents need, if they are not here.

    Without a network everything else still runs, so a failure is told and not raised.
    """
    from muxi.core.errors import WeightsUnavailable
    from muxi.models.embedded.weights import SMOLLM2

    if not _uses_embedded(project):
        return
    try:
        fetch_weights(SMOLLM2)
    except WeightsUnavailable as error:
        output.warn(error.message)
        if error.hint:
            output.say(f"hint: {error.hint}")


def _uses_embedded(project: Project) -> bool:
    from muxi.config.project import EMBEDDED

    names = [agent.model or project.model for agent in project.agents.values()]
    behind = [project.models[name].model if name in project.models else name for name in names]
    return EMBEDDED in behind


def fetch_weights(*wanted: Weights) -> None:
    """Fetch weights that are not here yet, with a bar on standard error.

    Raises:
        WeightsUnavailable: No source gave them.
    """
    from muxi.models.embedded.weights import WeightStore

    store = WeightStore()
    present = store.present()
    missing = [weights for weights in wanted if weights not in present]
    if not missing:
        return
    megabytes = sum(weights.size for weights in missing) / 1e6
    output.say(f"Fetching {megabytes:.0f} MB of model weights, once, into {store.folder}")
    with _bar() as progress:
        store.fetch(*missing, progress=progress)


@contextmanager
def _bar() -> Generator[Progress | None]:
    if not output.is_terminal(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        yield report
