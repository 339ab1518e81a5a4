"""A revision of its own."""

from __future__ import annotations

from typing import Any

from good import Server


class Bad(Server):
    def initialized(self, params: dict[str, Any]) -> dict[str, Any]:
        return {**super().initialized(params), "protocolVersion": "1999-01-01"}


if __name__ == "__main__":
    Bad().serve()
