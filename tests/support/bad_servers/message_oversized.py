"""An answer of 40 MB."""

from __future__ import annotations

from typing import Any

from good import Server, text


class Bad(Server):
    def answer(self, total: int) -> dict[str, Any]:
        return {"content": [text("9" * 40_000_000)]}


if __name__ == "__main__":
    Bad().serve()
