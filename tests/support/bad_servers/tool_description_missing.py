"""A tool that says nothing of itself."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    def tools(self) -> list[dict[str, Any]]:
        return [tool(description=None)]


if __name__ == "__main__":
    Bad().serve()
