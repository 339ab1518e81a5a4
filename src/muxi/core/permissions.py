"""Permissions as people write them: `runs.start`, `runs.*`, `agents.use:helper`, `*`.

The words of roles, policies and the scopes of keys. Before the first colon stands an action, after
it what the action is done upon; in both, `*` stands for anything. Checked here, decided by
`identity.policy`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from muxi.core.actions import ACTIONS
from muxi.core.errors import InvalidInput

LONGEST = 300
"""Characters of a permission."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Some actions upon some resources."""

    actions: tuple[str, ...]
    """The names of all actions that are meant."""
    resource: str
    """The pattern of what they are done upon; `*` for anything, also for nothing."""


def permission(text: str) -> Permission:
    """What `text` permits.

    Raises:
        InvalidInput: No action is meant, or the resource is missing or belongs to no such action.
    """
    pattern, colon, resource = text.partition(":")
    known = ACTIONS if "*" in pattern else {pattern} & ACTIONS.keys()
    actions = tuple(name for name in known if _like(name, pattern))
    if not actions or len(text) > LONGEST or any(each in pattern for each in "?["):
        near = get_close_matches(pattern, ACTIONS, n=1)
        raise InvalidInput(
            f"{text[:LONGEST]!r} permits nothing that there is.",
            hint=f"Did you mean {near[0]}?" if near else "`muxi role actions` lists them all.",
        )
    if colon and (not resource or "\0" in resource):
        raise InvalidInput(f"{text!r} names nothing after its colon.")
    if colon and resource != "*":
        actions = tuple(name for name in actions if ACTIONS[name].upon)
        if not actions:
            raise InvalidInput(f"{pattern} is not done upon anything that could be named.")
    return Permission(actions, resource or "*")


def covers(held: Iterable[str], wanted: str) -> bool:
    """Whether the permissions `held` permit whatever `wanted` does."""
    asked = permission(wanted)
    having = [permission(text) for text in held]
    return all(
        any(action in each.actions and _within(asked.resource, each.resource) for each in having)
        for action in asked.actions
    )


def _within(resource: str, pattern: str) -> bool:
    """Whether all that `resource` means is meant by `pattern`, as far as that is easy to see."""
    if pattern in ("*", resource):
        return True
    return "*" not in resource and fnmatchcase(resource, pattern)


def _like(name: str, pattern: str) -> bool:
    return pattern == "*" or fnmatchcase(name, pattern)


def _checked(text: str) -> str:
    try:
        permission(text)
    except InvalidInput as error:
        words = error.message if error.hint is None else f"{error.message} {error.hint}"
        raise PydanticCustomError("permission", "{words}", {"words": words}) from None
    return text


PermissionText = Annotated[str, AfterValidator(_checked)]
"""A permission in a file or a request."""
