"""What a user adds to requests by hand: `ModelSettings.extra`. Used by the encoders here."""

from __future__ import annotations

from typing import Any, cast


def merged(body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """`body` with `extra` over it; objects are merged, all else is replaced."""
    result = dict(body)
    for key, value in extra.items():
        known = result.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            result[key] = merged(cast("dict[str, Any]", known), cast("dict[str, Any]", value))
        else:
            result[key] = value
    return result
