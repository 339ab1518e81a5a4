"""Which operations take what another one has answered: the links of the API's description.

Called by `openapi`. Clients that are made from the description, and tests that make up sequences
of requests, go from one operation to the next by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel

from muxi.server.operations import AnyOperation

_PARAMETER = re.compile(r"\{(\w+)\}")

_OTHERS: Final[Mapping[str, str]] = {
    "thread_id": "/api/threads/{id}",
    "run_id": "/api/runs/{id}",
    "input_id": "/api/messages/{id}",
}
"""Where things are that an answer names beside itself."""


def links(operation: AnyOperation, operations: Sequence[AnyOperation]) -> dict[str, Any]:
    """Which of `operations` can be asked next with what `operation` answers, by name."""
    if operation.answer is None:
        return {}
    item, place = _item(operation.answer)
    made: dict[str, Any] = {}
    for target, parameter, member in _targets(operation, operations, is_list=bool(place)):
        if member in item.model_fields:
            made[target.handler.__name__] = {
                "operationId": target.handler.__name__,
                "parameters": {parameter: f"$response.body#{place}/{member}"},
            }
    return made


def _item(answer: type[BaseModel]) -> tuple[type[BaseModel], str]:
    """What is answered, or the first of a list, and where it is."""
    members = answer.model_fields
    if "items" in members and "next" in members:
        return get_args(members["items"].annotation)[0], "/items/0"
    return answer, ""


def _targets(
    operation: AnyOperation, operations: Sequence[AnyOperation], *, is_list: bool
) -> Iterator[tuple[AnyOperation, str, str]]:
    """What may be asked next, its parameter, and the member of the answer that this is."""
    for target in operations:
        names = _PARAMETER.findall(target.path)
        if len(names) != 1 or (is_list and target.method != "GET"):
            continue
        (name,) = names
        thing = target.path.partition("}")[0] + "}"
        made = (operation.method, operation.path) in (("PUT", thing), ("POST", _of(thing)))
        if made or (is_list and operation.path == _of(thing)):
            yield target, name, name
        elif target.method == "GET" and target.path == thing:
            yield from ((target, name, member) for member in _OTHERS if _OTHERS[member] == thing)


def _of(thing: str) -> str:
    """The path of the list that a thing is in."""
    return thing.rpartition("/")[0]
