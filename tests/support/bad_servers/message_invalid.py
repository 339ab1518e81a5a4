"""Answers without the mark of JSON-RPC."""

from __future__ import annotations

from typing import Any

from good import Server


class Bad(Server):
    def reply(self, message: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in super().reply(message).items() if key != "jsonrpc"}


if __name__ == "__main__":
    Bad().serve()
