"""A key as the default of a parameter."""

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
                        "key": {
                            "type": "string",
                            "description": "Which account.",
                            "default": "AKIA" + "ABCDEFGHIJKLMNOP",
                        }
                    },
                    "additionalProperties": False,
                }
            )
        ]


if __name__ == "__main__":
    Bad().serve()
