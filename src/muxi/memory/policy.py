"""Whose memory an agent works with, and for which user. Called by `runtime` and by `following`."""

from __future__ import annotations

from muxi.core.errors import InvalidInput
from muxi.core.memories import MemoryPolicy
from muxi.core.owners import owner


def owners_of(policy: MemoryPolicy, *, user: str | None, agent: str) -> list[str]:
    """The owners that may be read, the first of which is written.

    The scope `user` gives none where no user is known, such as in the jobs of a tenant.

    Raises:
        InvalidInput: The policy names the scope `team` and no team.
    """
    found: list[str] = []
    for scope in policy.scopes:
        if scope == "user":
            found += [owner("user", user)] if user else []
        elif scope == "agent":
            found.append(owner("agent", agent))
        elif scope == "team":
            if not policy.team:
                raise InvalidInput(f"The memory of {agent} is a team's, and no `team` is named.")
            found.append(owner("team", policy.team))
        else:
            found.append(owner("tenant"))
    return list(dict.fromkeys(found))
