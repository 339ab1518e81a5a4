"""A name with a space and an exclamation mark."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    def tools(self) -> list[dict[str, Any]]:
        return [tool("add numbers!")]


if __name__ == "__main__":
    Bad().serve()
