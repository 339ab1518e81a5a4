"""The tools of a turn. Called by `run` before each: a toolset may show others as a run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muxi.core.errors import ToolError
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.tools.toolset import Toolset


@dataclass(slots=True)
class Offer:
    """The tools of one turn: what the model is shown, and whom to call."""

    specs: tuple[ToolSpec, ...]
    homes: dict[str, tuple[Toolset, ToolSpec]]
    given: Sequence[Sequence[ToolSpec]] = ()
    """What each toolset gave, to tell whether it gives the same again."""


async def offer(toolsets: Sequence[Toolset], ctx: Context, before: Offer | None = None) -> Offer:
    """Ask the toolsets what the next turn may use; `before` itself if nothing has changed.

    Raises:
        ToolError: Two toolsets have a tool of the same name.
    """
    given = [await toolset.specs(ctx) for toolset in toolsets]
    if before is not None and all(new is old for new, old in zip(given, before.given, strict=True)):
        return before
    homes: dict[str, tuple[Toolset, ToolSpec]] = {}
    for toolset, specs in zip(toolsets, given, strict=True):
        for spec in specs:
            if spec.name in homes:
                raise ToolError(
                    f"Two tools are called {spec.name}.",
                    hint="Rename one of them, or give one toolset a prefix.",
                    tool=spec.name,
                )
            homes[spec.name] = (toolset, spec)
    made = Offer(tuple(spec for _, spec in homes.values()), homes, given)
    if made.specs and (before is None or made.specs != before.specs):
        ctx.offered.append(made.specs)
    return made
