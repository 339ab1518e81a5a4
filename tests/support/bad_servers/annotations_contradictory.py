"""A tool that only reads, and destroys."""

from __future__ import annotations

from typing import Any

from good import HINTS, Server, tool


class Bad(Server):
    def tools(self) -> list[dict[str, Any]]:
        return [tool(annotations={**HINTS, "destructiveHint": True})]


if __name__ == "__main__":
    Bad().serve()
