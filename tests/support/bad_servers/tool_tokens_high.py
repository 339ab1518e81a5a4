"""A schema that costs thousands of tokens."""

from __future__ import annotations

from typing import Any

from good import Server, tool


class Bad(Server):
    def tools(self) -> list[dict[str, Any]]:
        return [
            tool(
                inputSchema={
                    "type": "object",
                    "properties": {
                        f"field_{i}": {"type": "string", "description": "A field of the form. " * 5}
                        for i in range(60)
                    },
                    "additionalProperties": False,
                }
            )
        ]


if __name__ == "__main__":
    Bad().serve()
