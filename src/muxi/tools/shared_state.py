"""The state that an agent shares with the page of its user, as a tool. Given for one run.

The tool keeps nothing: the calls of a run are its changes, in their order, and whoever tells the
page of them makes the same of them as the page does.
"""

from __future__ import annotations

from typing import Any

from muxi.core.terms import UPDATE_STATE
from muxi.tools.function import tool
from muxi.tools.function_toolset import FunctionToolset


def shared_state_toolset() -> FunctionToolset:
    """`update_shared_state` as a toolset."""

    @tool(
        name=UPDATE_STATE,
        title="Change what the page shows",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
        version="1.0.0",
    )
    def update_shared_state(changes: dict[str, Any]) -> str:
        """Change the state that you share with the user's page, which shows it at once.

        Args:
            changes: The members to change, nested like the state itself; null removes a member,
                a list is replaced as a whole, and what is left out stays as it is.
        """
        return "Changed: " + ", ".join(changes) if changes else "Nothing to change."

    return FunctionToolset([update_shared_state])
