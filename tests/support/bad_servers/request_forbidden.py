"""Asks of its own accord, where nobody answers."""

from __future__ import annotations

from typing import Any

from good import Server


class Bad(Server):
    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.send({"jsonrpc": "2.0", "id": "mine", "method": "roots/list"})
        return super().call(name, arguments)


if __name__ == "__main__":
    Bad().serve()
