"""What can be the id of a user."""

from __future__ import annotations

import pytest

from muxi.core.errors import InvalidInput
from muxi.core.users import LONGEST_USER_ID, user_id


@pytest.mark.parametrize(
    "text", ["ann", "Ann ", "a%b*_", "user:1", "李雷", "🧑‍🚀", "o'; --", "x" * LONGEST_USER_ID]
)
def test_a_user_id_is_any_text(text: str) -> None:
    assert user_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "  ", "x" * (LONGEST_USER_ID + 1), "a\0", "a\nb", "\x7f", "a\x85", "\ud800"]
)
def test_what_cannot_be_written_or_told_apart_is_no_user_id(text: str) -> None:
    with pytest.raises(InvalidInput, match="user"):
        user_id(text)
