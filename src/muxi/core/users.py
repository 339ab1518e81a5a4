"""Ids of users: text that means nothing to muxi. Checked by `runtime` and by the client.

It must never be taken apart, compared by pattern or changed: two ids are the same user only if they
are the same text.
"""

from __future__ import annotations

import unicodedata

from muxi.core.errors import InvalidInput

USER_HEADER = "X-Muxi-User"
"""The header of HTTP that names the user for whom a request is made, in percent-encoding."""

TENANT_HEADER = "X-Muxi-Tenant"
"""The header of HTTP with which the operator of a project acts in another tenant."""

LONGEST_USER_ID = 200
"""Characters."""

_UNSPEAKABLE = ("Cc", "Cs")
"""Unicode's categories of control characters and of halves of characters."""


def user_id(text: str) -> str:
    """`text`, if it can be the id of a user.

    Raises:
        InvalidInput: It is empty or too long, or has control characters or halves of characters.
    """
    if not text.strip():
        raise InvalidInput("The id of the user is empty.")
    if len(text) > LONGEST_USER_ID:
        raise InvalidInput(f"The id of the user is longer than {LONGEST_USER_ID} characters.")
    if any(unicodedata.category(character) in _UNSPEAKABLE for character in text):
        raise InvalidInput("The id of the user has a character that cannot be written.")
    return text
