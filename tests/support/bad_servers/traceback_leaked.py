"""An error that shows the program's insides."""

from __future__ import annotations

import traceback
from typing import Any

from good import Server, text


class Bad(Server):
    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            total = arguments["a"] + arguments["b"]
        except KeyError:
            return {"isError": True, "content": [text(traceback.format_exc())]}
        return self.answer(total)


if __name__ == "__main__":
    Bad().serve()
