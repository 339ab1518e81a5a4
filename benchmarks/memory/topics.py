"""The tables that histories are made from: YAML files beside this one. Used by the generators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def table(name: str) -> dict[str, Any]:
    """The whole table `name`."""
    path = Path(__file__).with_name(f"{name}.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Topic:
    """An episode with slots, and what can be asked about it."""

    number: int
    slots: dict[str, list[str]]
    lines: list[dict[str, Any]]
    questions: list[dict[str, Any]]
    overview: str | None
    """A question that all episodes of one speaker answer together."""


@cache
def topics() -> list[Topic]:
    entries = enumerate(table("friends")["topics"])
    return [Topic(number=number, **entry) for number, entry in entries]


def fill(text: str, values: dict[str, str]) -> str:
    """`text` with its slots filled."""
    for slot, value in values.items():
        text = text.replace(f"{{{slot}}}", value)
    return text
