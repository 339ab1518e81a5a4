"""Pages that go round in a circle."""

from __future__ import annotations

from typing import Any

from good import Server


class Bad(Server):
    def listed(self, cursor: str | None) -> dict[str, Any]:
        return {"tools": self.tools(), "nextCursor": "again"}


if __name__ == "__main__":
    Bad().serve()
