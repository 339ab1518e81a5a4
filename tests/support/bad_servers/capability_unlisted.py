"""Prompts that are promised and not there."""

from __future__ import annotations

from typing import Any, ClassVar

from good import Server


class Bad(Server):
    capabilities: ClassVar[dict[str, Any]] = {"tools": {}, "prompts": {}}


if __name__ == "__main__":
    Bad().serve()
