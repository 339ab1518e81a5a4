"""All rules and checks, in the order in which they are told. Used by `devkit.validation`."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final, cast

from muxi.devkit.rules import (
    answers,
    cost,
    hints,
    http_access,
    leaks,
    manifest,
    names,
    packaging,
    poisoning,
    protocol,
    schemas,
    texts,
    wire,
)
from muxi.devkit.rules.rule import Check, Rule

_FILES: Final = (
    wire,
    protocol,
    http_access,
    names,
    texts,
    schemas,
    hints,
    answers,
    poisoning,
    cost,
    packaging,
    manifest,
    leaks,
)

CHECKS: Final[dict[str, Check]] = {module.ABOUT: module.check for module in _FILES}
"""What the rules of a file are about, and what finds them broken."""


def _rules(module: ModuleType) -> Iterator[Rule]:
    for value in vars(module).values():
        if isinstance(value, Rule):
            yield value
        elif isinstance(value, dict):
            inner = cast("dict[str, Any]", value).values()
            yield from (each for each in inner if isinstance(each, Rule))


RULES: Final[dict[str, dict[str, Rule]]] = {
    module.ABOUT: {rule.id: rule for rule in _rules(module)} for module in _FILES
}
"""What rules are about, to the rules by their ids."""


def every_rule() -> dict[str, Rule]:
    """All rules by their ids."""
    return {name: rule for found in RULES.values() for name, rule in found.items()}
