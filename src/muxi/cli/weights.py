"""Fetches the weights of embedded models, with a bar. Used by `models pull`, and by the commands
that start a runtime, before they do."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
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
    from muxi.models.embedded.weights import MINILM, MINILM_TOKENIZER, SMOLLM2, WeightStore

    if not _uses_embedded(project):
        return
    engine: tuple[Weights, ...] = (SMOLLM2,)
    if WeightStore().lacking(engine):
        # Looked for only where something has to come anyway: later starts do not pay for it.
        from muxi.models.embedded.openmp import needed

        engine = (*needed(), *engine)
    stages = (
        (engine, "Until it is here, a scripted model stands in that only repeats what is said."),
        ((MINILM, MINILM_TOKENIZER), "Until it is here, tools are chosen by a coarser table."),
    )
    _announce([weights for wanted, _ in stages for weights in wanted])
    for wanted, otherwise in stages:
        try:
            _fetch(wanted)
        except WeightsUnavailable as error:
            output.warn(f"{error.message} {otherwise}")
            if error.hint:
                output.say(f"hint: {error.hint}")
            return


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
    _announce(wanted)
    _fetch(wanted)


def _announce(wanted: Iterable[Weights]) -> None:
    from muxi.models.embedded.weights import WeightStore

    store = WeightStore()
    missing = store.lacking(wanted)
    if missing:
        megabytes = sum(weights.size for weights in missing) / 1e6
        output.say(f"Fetching {megabytes:.0f} MB of model weights, once, into {store.folder}")


def _fetch(wanted: Iterable[Weights]) -> None:
    from muxi.models.embedded.weights import WeightStore

    store = WeightStore()
    missing = store.lacking(wanted)
    if missing:
        with _bar() as progress:
            store.fetch(*missing, progress=progress)


def _silent(name: str, done: int, total: int) -> None:
    """What was to come has been announced, and nobody watches a bar."""


@contextmanager
def _bar() -> Generator[Progress]:
    if not output.is_terminal(sys.stderr):
        yield _silent
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
