"""A manual in the place of a description."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    def tools(self) -> list[dict[str, Any]]:
        return [tool(description="Adds two whole numbers and gives their sum. " * 40)]


if __name__ == "__main__":
    Bad().serve()
