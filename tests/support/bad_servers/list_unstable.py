"""Another order every time."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    turn = 0

    def tools(self) -> list[dict[str, Any]]:
        return [tool("sum_numbers"), tool()]

    def listed(self, cursor: str | None) -> dict[str, Any]:
        page = super().listed(cursor)
        self.turn += 1
        return page if self.turn % 2 else {"tools": page["tools"][::-1]}


if __name__ == "__main__":
    Bad().serve()
