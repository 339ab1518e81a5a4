"""Our rules as policies of Cedar, in its JSON form, in which no name can be taken for syntax.

Called by `engine`. See https://docs.cedarpolicy.com/policies/json-format.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Literal

from muxi.core.actions import ACTIONS
from muxi.core.permissions import permission

Json = dict[str, Any]

ALL: Json = {"op": "All"}


def statement(
    effect: Literal["permit", "forbid"], principal: Json, text: str, agents: Sequence[str] = ()
) -> Json:
    """One permission as a policy of Cedar.

    Args:
        effect: Whether it permits or forbids.
        principal: To whom it applies; see `bearer`.
        text: The permission.
        agents: Patterns of the agents in whose runs it holds; anywhere if there are none.
    """
    parsed = permission(text)
    conditions: list[Json] = []
    if parsed.resource != "*":
        conditions.append(_when(_like(_attribute("resource", "name"), parsed.resource)))
    if agents:
        either = [_like(_attribute("context", "agent"), pattern) for pattern in agents]
        conditions.append(_when(reduce(_or, either)))
    actions = [entity("Action", name) for name in parsed.actions]
    if effect == "forbid" and not _RESCUE.isdisjoint(parsed.actions):
        conditions.append({"kind": "unless", "body": _RESCUED})
    return {
        "effect": effect,
        "principal": principal,
        "action": ALL if len(actions) == len(ACTIONS) else {"op": "in", "entities": actions},
        "resource": ALL,
        "conditions": conditions,
    }


def operators_only() -> Json:
    """Refuses to other tenants what concerns the project as a whole."""
    actions = [entity("Action", each.name) for each in ACTIONS.values() if each.everywhere]
    return {
        "effect": "forbid",
        "principal": ALL,
        "action": {"op": "in", "entities": actions},
        "resource": ALL,
        "conditions": [{"kind": "unless", "body": _attribute("context", "home")}],
    }


def bearer(kind: str, name: str, *, also_for: bool = False) -> Json:
    """Whoever is `name`, or belongs to it; `also_for` counts those who act on its behalf too."""
    op = "in" if kind != "User" or also_for else "=="
    return {"op": op, "entity": entity(kind, name)}


def policy_set(statements: Mapping[str, Json]) -> Json:
    """All policies, by name."""
    return {"staticPolicies": dict(statements), "templates": {}, "templateLinks": []}


def entity(kind: str, name: str) -> Json:
    """The name of an entity."""
    return {"type": kind, "id": name}


def entities(
    user: str, acting_for: str | None, groups: Iterable[str], roles: Iterable[str], resource: str
) -> list[Json]:
    """Who asks and upon what, as Cedar looks at them."""
    parents = [entity("Group", name) for name in sorted(groups)]
    parents += [entity("Role", name) for name in sorted(roles)]
    if acting_for is not None and acting_for != user:
        parents.append(entity("User", acting_for))
    return [
        {"uid": entity("User", user), "attrs": {}, "parents": parents},
        {"uid": entity("Resource", resource), "attrs": {"name": resource}, "parents": []},
    ]


def _when(body: Json) -> Json:
    return {"kind": "when", "body": body}


def _or(left: Json, right: Json) -> Json:
    return {"||": {"left": left, "right": right}}


def _attribute(variable: str, name: str) -> Json:
    return {".": {"left": {"Var": variable}, "attr": name}}


def _like(left: Json, pattern: str) -> Json:
    pieces: list[Any] = []
    for number, literal in enumerate(pattern.split("*")):
        if number:
            pieces.append("Wildcard")
        if literal:
            pieces.append({"Literal": literal})
    return {"like": {"left": left, "pattern": pieces}}


def _equal(left: Json, right: object) -> Json:
    return {"==": {"left": left, "right": {"Value": right}}}


_RESCUE = frozenset({"roles.read", "roles.write", "policies.read", "policies.write"})
"""What the person at the machine may always do: a policy cannot lock everybody out for good."""
_RESCUED = {
    "&&": {
        "left": _equal(_attribute("context", "credential"), "local"),
        "right": reduce(
            _or,
            [
                _equal({"Var": "action"}, {"__entity": entity("Action", name)})
                for name in sorted(_RESCUE)
            ],
        ),
    }
}
