"""The difference of two JSON values as a patch (RFC 6902), for state that changes in places."""

from __future__ import annotations

from typing import Any, cast

Operation = dict[str, Any]


def patch(before: Any, after: Any) -> list[Operation]:
    """What makes `after` of `before`. Lists are replaced as a whole."""
    found: list[Operation] = []
    _compare(before, after, "", found)
    return found


def _compare(before: Any, after: Any, path: str, found: list[Operation]) -> None:
    if _same(before, after):
        return
    if not isinstance(before, dict) or not isinstance(after, dict):
        found.append({"op": "replace", "path": path, "value": after})
        return
    old, new = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
    for key in old.keys() - new.keys():
        found.append({"op": "remove", "path": f"{path}/{_escaped(key)}"})
    for key, value in new.items():
        place = f"{path}/{_escaped(key)}"
        if key in old:
            _compare(old[key], value, place, found)
        else:
            found.append({"op": "add", "path": place, "value": value})


def _same(one: Any, other: Any) -> bool:
    # To Python, true is 1; to JSON it is not.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
