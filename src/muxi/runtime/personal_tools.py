"""Tools whose settings refer to credentials of users: made once for each user who calls them.

Called by `tools`. Two users never share what such a tool holds open, nor a value of one another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.tools.per_user import PerUser, User

if TYPE_CHECKING:
    from muxi.tools.function import FunctionTool

_SPECIMEN: Final = "postgresql://nobody@localhost/nothing"
"""Stands for each credential where a tool is made to be looked at. It is an address as well as a
word, since some makers look at what they are given."""

Functions = Sequence["FunctionTool[..., Any]"]
Make = Callable[[Mapping[str, str], AsyncExitStack], Awaitable[Functions]]
"""Makes the functions with credentials by name; what they hold open is pushed to the stack."""


@dataclass(eq=False, slots=True)
class _Own:
    """The tools of one user."""

    exits: AsyncExitStack = field(default_factory=AsyncExitStack)
    credentials: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    functions: dict[str, FunctionTool[..., Any]] = field(
        default_factory=dict[str, "FunctionTool[..., Any]"]
    )


class PersonalTools:
    """One declared tool, for every user.

    Args:
        names: The credentials that it needs.
        make: Makes it.
        value: A credential of a user. Raises `CredentialMissing`.
    """

    def __init__(
        self, names: Sequence[str], make: Make, value: Callable[[User, str], Awaitable[str]]
    ) -> None:
        self._names = names
        self._make = make
        self._value = value
        self._users = PerUser[_Own](lambda _: _Own(), lambda own: own.exits.aclose())

    async def functions(self, exits: AsyncExitStack) -> list[FunctionTool[..., Any]]:
        """What agents are given. What users' own hold open is closed with `exits`."""
        from muxi.tools.personal import PersonalTool

        exits.push_async_callback(self._users.close)
        shown = await self._make(dict.fromkeys(self._names, _SPECIMEN), exits)
        return [PersonalTool(each, self._run) for each in shown]

    async def _run(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        user = User.of(ctx)
        credentials = {each: await self._value(user, each) for each in self._names}
        with self._users.using(user) as own:
            if own.credentials != credentials or not own.functions:
                made = await self._make(credentials, own.exits)
                own.functions = {each.name: each for each in made}
                own.credentials = credentials
            return await own.functions[name].run(arguments, ctx)
