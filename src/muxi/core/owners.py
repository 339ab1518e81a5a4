"""Whose memory something is, as text. Made by `runtime` and `memory`, stored with every row.

`user:ID`, `agent:NAME`, `team:NAME`, or `tenant` for what all of a tenant share. An id is opaque:
no character of it means anything, and none is a wildcard.
"""

from __future__ import annotations

from typing import Literal

from muxi.core.errors import InvalidInput

TENANT = "tenant"
"""The owner of what a whole tenant shares."""

OwnerKind = Literal["user", "agent", "team", "tenant"]

_KINDS = ("user", "agent", "team")


def owner(kind: OwnerKind, id: str = "") -> str:
    """The owner of that kind and id; a tenant has none.

    Raises:
        InvalidInput: The id is missing, or holds a NUL character.
    """
    return checked(TENANT if kind == TENANT else f"{kind}:{id}")


def user(id: str) -> str:
    """The owner of one user's memory. Raises `InvalidInput` if the id is empty."""
    return owner("user", id)


def checked(owner: str) -> str:
    """`owner` as it is.

    Raises:
        InvalidInput: It is no owner: of an unknown kind, or without an id.
    """
    kind, _, name = owner.partition(":")
    if owner != TENANT and (kind not in _KINDS or not name or "\0" in name):
        raise InvalidInput(
            "This is no owner of a memory.",
            hint="Owners read `user:ID`, `agent:NAME`, `team:NAME` or `tenant`.",
        )
    return owner


def kind_of(owner: str) -> OwnerKind:
    """What an owner is. Raises `InvalidInput` if it is none."""
    return checked(owner).partition(":")[0]  # pyright: ignore[reportReturnType] -- `checked` admits these four only
