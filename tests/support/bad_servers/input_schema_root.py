"""Arguments that are a list."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    def tools(self) -> list[dict[str, Any]]:
        return [tool(inputSchema={"type": "array", "items": {"type": "integer"}})]


if __name__ == "__main__":
    Bad().serve()
