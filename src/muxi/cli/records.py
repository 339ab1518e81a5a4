"""Records made of what somebody typed as options. Used by the commands that store one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from muxi.core.errors import InvalidInput
from muxi.core.problems import sentence

T = TypeVar("T", bound=BaseModel)


def record_of(kind: type[T], values: Mapping[str, Any], *, hint: str) -> T:
    """A record of `values`; what is None among them is left out.

    Raises:
        InvalidInput: They make none; it names the option where the first of them is wrong.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(_option(str(step)) for step in first["loc"][:1])
        raise InvalidInput(sentence(f"{place}{first['msg']}"), hint=hint) from None


def _option(field: str) -> str:
    return "The name: " if field == "name" else f"--{field.replace('_', '-')}: "
