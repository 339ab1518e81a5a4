"""Whose data an operation may touch: a tenant, and one user of it. Made from a `Caller` by doors.

Every service of the runtime and every transaction takes one. It must never say what may be done
with the data: that is decided for the caller, before.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxi.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose data a transaction may touch."""

    tenant: str
    principal: str | None
    """The user who asks, or None for the tenant as a whole (its jobs and administrators)."""

    def __post_init__(self) -> None:
        if not self.tenant or "\0" in self.tenant or "\0" in (self.principal or ""):
            raise InvalidInput("A tenant or user id is empty or contains a NUL character.")
