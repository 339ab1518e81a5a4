"""A method that does not exist is an internal error."""

from __future__ import annotations

from typing import Any

from good import Fault, Server


class Bad(Server):
    def result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method.startswith("muxi/"):
            raise Fault(-32603, "KeyError")
        return super().result(method, params)


if __name__ == "__main__":
    Bad().serve()
