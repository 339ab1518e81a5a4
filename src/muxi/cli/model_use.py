"""Asks models of the project whether they can use tools, for the commands that test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from muxi.devkit.cases import Labelled
    from muxi.devkit.exchange import Json
    from muxi.devkit.reports.report import Report

ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model", metavar="NAME", help="Ask this model the file's prompts; may be given again."
    ),
]
AccuracyOption = Annotated[
    float,
    typer.Option("--min-accuracy", min=0.0, max=1.0, help="The share that a model must get right."),
]


async def ask_models(
    report: Report,
    tools: Sequence[Json],
    prompts: Sequence[Labelled],
    *,
    names: Sequence[str],
    least: float,
    project: Path | None,
) -> None:
    """Add to a report how well each model uses the tools.

    Raises:
        InvalidInput: There are no prompts to ask.
        MuxiError: The project cannot be opened, or has no such model.
    """
    from muxi.config.load import load_project
    from muxi.core.errors import InvalidInput
    from muxi.devkit.model_use import judge_use
    from muxi.runtime.build import open_runtime

    if not prompts:
        raise InvalidInput(
            "There is nothing to ask a model.", hint="Write `prompts:` into the file of cases."
        )
    runtime = await open_runtime(load_project(project), go_on=False)
    try:
        for name in names:
            model = await runtime.models.live(name)
            settings = runtime.models.settings(name)
            await judge_use(report, model, tools, prompts, settings=settings, least=least)
    finally:
        await runtime.close()
