"""A resource with a path in the place of a URI."""

from __future__ import annotations

from typing import Any, ClassVar

from good import Server


class Bad(Server):
    capabilities: ClassVar[dict[str, Any]] = {"tools": {}, "resources": {}}

    def result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "resources/list":
            return {"resources": [{"name": "notes", "uri": "notes.txt"}]}
        if method == "resources/templates/list":
            return {"resourceTemplates": []}
        return super().result(method, params)


if __name__ == "__main__":
    Bad().serve()
