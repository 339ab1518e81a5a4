"""The labelled requests of this benchmark, and when an answer to one counts as right."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muxi.core.requests import ToolSpec
from muxi.tools.builtin.catalogue import builtin_tools

HERE = Path(__file__).parent
BUILTINS = ("calculator", "clock", "web_fetch", "web_search")


@dataclass(slots=True, frozen=True)
class Case:
    """A request, the tool that it asks for or None, and the arguments that are accepted."""

    request: str
    tool: str | None
    arguments: dict[str, Any]


def read(name: str) -> list[dict[str, Any]]:
    """The lines of a data file beside this one."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def cases(name: str) -> list[Case]:
    """The labelled requests of a data file."""
    return [Case(**row) for row in read(name)]


def builtin_specs() -> tuple[ToolSpec, ...]:
    """The tools that muxi brings along."""
    return tuple(made.spec for name in BUILTINS for made in builtin_tools(name))


def custom_specs() -> tuple[ToolSpec, ...]:
    """Tools that were kept out of all fitting."""
    return tuple(ToolSpec.model_validate(row) for row in read("custom_tools.jsonl"))


def right_arguments(case: Case, spec: ToolSpec, given: Mapping[str, Any]) -> bool:
    """Whether `given` says what the case asks for, neither less nor more."""
    properties: dict[str, Any] = spec.parameters.get("properties", {})
    for name, schema in properties.items():
        accepted = case.arguments.get(name)
        value = given.get(name)
        if accepted is None:
            if not _means_nothing(value, schema):
                return False
        elif value is None:
            if "" not in accepted:
                return False
        elif not _accepted(value, accepted):
            return False
    return True


def _means_nothing(value: Any, schema: dict[str, Any]) -> bool:
    plain = str(value).lower()
    return value is None or value == schema.get("default") or plain in ("today", "now", "right now")


def _accepted(value: Any, accepted: Any) -> bool:
    if isinstance(accepted, dict):
        text = str(value).lower()
        return all(str(word).lower() in text for word in accepted["contains"])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- any JSON
    if isinstance(value, bool) or isinstance(accepted[0], bool):
        return value is accepted[0]
    return any(squeeze(value) == squeeze(option) for option in accepted)


def squeeze(value: Any) -> str:
    """`value` without what does not matter: case, blanks, commas, quotes, a leading article."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = re.sub(r"^(?:the|a|an)\s", "", str(value).strip().lower())
    return re.sub(r"[\s,'\"]+", "", text).rstrip(".!?=/")
