"""From what a provider says of somebody to who they are here. Called by `runtime`.

Only what the project maps counts: a group or a role that it does not name is nothing, whatever a
provider calls it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from muxi.config.federation_settings import Mapping as Rules
from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.json_shapes import is_array
from muxi.core.users import user_id

_MOST_GROUPS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignUser:
    """Somebody who is known elsewhere."""

    issuer: str
    subject: str
    """Their name there, which never changes and is never given to another."""
    wanted_id: str
    """The id that they get if they become a user."""
    name: str | None = None
    email: str | None = None
    """Only if the provider has verified it."""
    groups: frozenset[str] = frozenset()
    """Groups of muxi."""
    roles: frozenset[str] = frozenset()
    """Roles of muxi."""


def foreign_user(rules: Rules, issuer: str, claims: Mapping[str, Any]) -> ForeignUser:
    """Who these claims are about.

    Raises:
        AccessDenied: The project does not let them in.
    """
    for claim, allowed in rules.require.items():
        if not set(allowed) & set(_texts(_at(claims, claim))):
            raise AccessDenied(f"The claim `{claim}` has none of the values that are required.")
    theirs = frozenset(_texts(_at(claims, rules.groups_claim)))
    subject = str(claims["sub"])
    return ForeignUser(
        issuer=issuer,
        subject=subject,
        wanted_id=_wanted_id(_at(claims, rules.user), subject),
        name=_text(claims.get("name")),
        email=_text(claims.get("email")) if claims.get("email_verified") is True else None,
        groups=frozenset(name for name, there in rules.groups.items() if theirs & set(there)),
        roles=frozenset(name for name, there in rules.roles.items() if theirs & set(there)),
    )


def _wanted_id(value: object, subject: str) -> str:
    text = value if isinstance(value, str) and value.strip() else subject
    try:
        return user_id(text)
    except InvalidInput as error:
        raise AccessDenied(f"The provider gives no usable id: {error.message}") from None


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of that name, or at that dotted path; None if there is none."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, Any]", value).get(step)
    return value


def _texts(value: Any) -> Iterator[str]:
    every = value[:_MOST_GROUPS] if is_array(value) else [value]
    yield from (each for each in every if isinstance(each, str))
    yield from (str(each).lower() for each in every if isinstance(each, bool))


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) and value.strip() else None
