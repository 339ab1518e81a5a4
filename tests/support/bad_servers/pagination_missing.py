"""Two hundred tools at once."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    def tools(self) -> list[dict[str, Any]]:
        return [tool(f"add_numbers_{i}") for i in range(200)]


if __name__ == "__main__":
    Bad().serve()
