"""Answers a notification."""

from __future__ import annotations

from typing import Any

from good import Server


class Bad(Server):
    def take(self, message: dict[str, Any]) -> None:
        super().take(message)
        if "id" not in message:
            self.send({"jsonrpc": "2.0", "id": 99_999, "result": {}})


if __name__ == "__main__":
    Bad().serve()
