"""A secret of a project file: where it comes from is shown, what it is is not."""

from __future__ import annotations

import copy
import traceback

import pytest
from pydantic import BaseModel, ValidationError

from muxi.config.secret import SecretRef, fill


class Holder(BaseModel):
    key: SecretRef


@pytest.mark.parametrize(
    ("text", "source", "value", "name"),
    [
        ("secret://KEY", "secret://KEY", None, "KEY"),
        ("${KEY}", "${KEY}", "hush", None),
        ("a-${KEY}-${OTHER:-x}", "${KEY}${OTHER:-x}", "a-hush-x", None),
        ("plain-hush", "**********", "plain-hush", None),
        ("$${KEY}", "**********", "${KEY}", None),
    ],
)
def test_a_secret_knows_where_it_comes_from(
    text: str, source: str, value: str | None, name: str | None
):
    secret = SecretRef(text, {"KEY": "hush"})
    assert (secret.source, secret.reveal(), secret.name) == (source, value, name)
    assert str(secret) == repr(secret) == f"SecretRef({source})"


def test_a_secret_shows_in_no_dump_copy_or_error():
    holder = Holder.model_validate({"key": "hush ${A}"}, context={"environment": {"A": "hush"}})
    again = copy.deepcopy(holder)
    assert again == holder
    shown = f"{holder!r} {holder.model_dump()} {holder.model_dump_json()} {again}"
    assert "hush" not in shown
    assert Holder.model_validate(holder.model_dump(mode="python") | {"key": holder.key}) == holder
    try:
        raise RuntimeError(holder.key)
    except RuntimeError:
        assert "hush" not in traceback.format_exc()


@pytest.mark.parametrize("value", [None, 5, "", ["hush"], "secret://", "secret://a b"])
def test_what_is_no_secret_is_refused(value: object):
    with pytest.raises(ValidationError):
        Holder.model_validate({"key": value})


@pytest.mark.parametrize(
    ("text", "filled", "missing"),
    [
        ("a", "a", None),
        ("${A}", "1", None),
        ("${A}${A}", "11", None),
        ("${EMPTY}", "", None),
        ("${EMPTY:-x}", "x", None),
        ("${NONE:-x y:z}", "x y:z", None),
        ("${NONE:-}", "", None),
        ("${NONE}", None, "NONE"),
        ("$A $ {A} ${1}", "$A $ {A} ${1}", None),
        ("$${A}", "${A}", None),
    ],
)
def test_variables_are_filled_in_as_in_a_shell(text: str, filled: str | None, missing: str | None):
    assert fill(text, {"A": "1", "EMPTY": ""}) == (filled, missing)


@pytest.mark.parametrize(
    ("text", "personal", "value", "source"),
    [
        ("${user.KEY}", ("KEY",), "own", "${user.KEY}"),
        ("Bearer ${user.KEY}", ("KEY",), "Bearer own", "${user.KEY}"),
        (
            "${A}:${user.KEY}${user.K.2}!",
            ("KEY", "K.2"),
            "1:ownother!",
            "${A}${user.KEY}${user.K.2}",
        ),
        ("$${user.KEY}", (), "${user.KEY}", "**********"),
    ],
)
def test_a_secret_of_users_has_a_value_for_each_of_them(
    text: str, personal: tuple[str, ...], value: str, source: str
):
    # What stands in the environment names nobody's credential.
    secret = SecretRef(text, {"A": "1"})
    assert (secret.personal, secret.source) == (personal, source)
    assert secret.of_user({"KEY": "own", "K.2": "other"}) == value
    assert secret.reveal() == (None if personal else value)
    assert "own" not in repr(secret)


def test_a_variable_that_reads_like_a_users_credential_is_none():
    secret = SecretRef("${A}", {"A": "${user.KEY}"})
    assert (secret.personal, secret.reveal()) == ((), "${user.KEY}")
