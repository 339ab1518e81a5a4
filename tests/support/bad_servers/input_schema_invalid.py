"""A type that does not exist."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    def tools(self) -> list[dict[str, Any]]:
        return [
            tool(
                inputSchema={
                    "type": "object",
                    "properties": {"a": {"type": "strin", "description": "A text."}},
                    "additionalProperties": False,
                }
            )
        ]


if __name__ == "__main__":
    Bad().serve()
