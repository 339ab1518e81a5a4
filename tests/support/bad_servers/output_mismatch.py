"""A result that is not what its outputSchema says."""

from __future__ import annotations

from typing import Any

from good import Server, text


class Bad(Server):
    def answer(self, total: int) -> dict[str, Any]:
        return {"content": [text("42")], "structuredContent": {"sum": "forty-two"}}


if __name__ == "__main__":
    Bad().serve()
