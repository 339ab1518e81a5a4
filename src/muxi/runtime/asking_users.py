"""Tools that tell a user who has not brought a credential where to bring it, and wait for it.

Put around an agent's tools by `agents`. The run is suspended with a link to the page of one's own
credentials, and the call is made again once the user says that it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from muxi.core.errors import CredentialMissing, InputNeeded, ToolFailed
from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.questions import Question
from muxi.core.requests import ToolSpec
from muxi.tools.toolset import Toolset

_STATE: Final = "muxi.credential"
"""What marks an answer as one to the question that is asked here."""


@dataclass(frozen=True, slots=True)
class AskingToolset:
    """The tools of `inner`."""

    inner: Toolset
    page: Callable[[], str | None]
    """Where users bring credentials with a browser; None if they cannot."""

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        """See `Toolset`."""
        return await self.inner.specs(ctx)

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        """See `Toolset`.

        Raises:
            InputNeeded: The user must bring a credential first.
            ToolFailed: They have not, or nobody can show them where.
        """
        said = ctx.answer
        if said is not None and said.state == _STATE:
            # The tool itself has asked nothing.
            ctx = replace(ctx, answer=None)
            if said.only.action != "accept":
                raise ToolFailed(f"The user has not brought what {name} needs.", tool=name)
        try:
            return await self.inner.call(name, arguments, ctx)
        except CredentialMissing as missing:
            words, page = f"{missing.message} {missing.hint or ''}".strip(), self.page()
            if page is None or said is not None:
                raise ToolFailed(words, hint="", tool=name) from None
            raise InputNeeded(Question(message=words, url=page), state=_STATE) from None

    async def close(self) -> None:
        """See `Toolset`."""
        await self.inner.close()
