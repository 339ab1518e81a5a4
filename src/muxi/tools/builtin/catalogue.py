"""Which tools muxi brings along, by name, and how to make one. Called by `runtime`.

Only the tool that is asked for is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from muxi.core.errors import ToolNotFound
from muxi.tools.function import FunctionTool

BUILTINS: dict[str, tuple[str, str]] = {
    "calculator": ("muxi.tools.builtin.calculator", "calculator"),
    "clock": ("muxi.tools.builtin.clock", "clock"),
    "web_fetch": ("muxi.tools.builtin.web_fetch", "web_fetch"),
    "web_search": ("muxi.tools.builtin.web_search", "web_search"),
}
"""Name of each tool, and where its default form lies."""


def builtin(name: str) -> FunctionTool[..., Any]:
    """The built-in tool of this name, with default options.

    Raises:
        ToolNotFound: muxi brings no such tool.
    """
    try:
        module, attribute = BUILTINS[name]
    except KeyError:
        raise ToolNotFound(
            f"muxi has no built-in tool `{name}`.", hint=f"It has: {', '.join(BUILTINS)}."
        ) from None
    return getattr(import_module(module), attribute)
