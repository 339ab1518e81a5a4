"""Says everything twice."""

from __future__ import annotations

from typing import Any

from good import Server


class Bad(Server):
    def take(self, message: dict[str, Any]) -> None:
        super().take(message)
        super().take(message)


if __name__ == "__main__":
    Bad().serve()
