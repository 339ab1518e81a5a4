"""Ends at the first tool that it does not know."""

from __future__ import annotations

from typing import Any

from good import Server


class Bad(Server):
    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name != "add_numbers":
            raise SystemExit(1)
        return super().call(name, arguments)


if __name__ == "__main__":
    Bad().serve()
