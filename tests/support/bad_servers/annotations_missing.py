"""A tool that does not say whether it only reads."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    def tools(self) -> list[dict[str, Any]]:
        return [tool(annotations=None)]


if __name__ == "__main__":
    Bad().serve()
