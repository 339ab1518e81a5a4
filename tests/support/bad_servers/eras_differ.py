"""A tool that only one era is shown."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    old = False

    def initialized(self, params: dict[str, Any]) -> dict[str, Any]:
        self.old = True
        return super().initialized(params)

    def tools(self) -> list[dict[str, Any]]:
        return [tool(), *([tool("subtract_numbers")] if self.old else [])]


if __name__ == "__main__":
    Bad().serve()
