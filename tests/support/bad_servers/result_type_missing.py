"""Results of the old form under the new revision."""

from __future__ import annotations

from typing import Any

from good import Server


class Bad(Server):
    def stamped(
        self, method: str, params: dict[str, Any], result: dict[str, Any]
    ) -> dict[str, Any]:
        return result


if __name__ == "__main__":
    Bad().serve()
