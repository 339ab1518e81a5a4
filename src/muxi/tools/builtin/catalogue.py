"""Which tools muxi brings along, by name, and how to make one. Called by `runtime`.

Only the tool that is asked for is imported.
"""

from __future__ import annotations

from typing import Any, assert_never

from muxi.config.tool_settings import (
    BUILTIN_TOOLS,
    BuiltinTool,
    CalculatorTool,
    ClockTool,
    WebFetchTool,
    WebSearchTool,
)
from muxi.core.errors import ConfigError, ToolNotFound
from muxi.tools.builtin.search_engine import SearchEngine
from muxi.tools.function import FunctionTool

_DEFAULTS: dict[str, type[BuiltinTool]] = {
    "calculator": CalculatorTool,
    "clock": ClockTool,
    "web_fetch": WebFetchTool,
    "web_search": WebSearchTool,
}


def builtin(
    name: str, settings: BuiltinTool | None = None, *, key: str | None = None
) -> FunctionTool[..., Any]:
    """The built-in tool of this name.

    Args:
        name: One of `BUILTIN_TOOLS`.
        settings: Its options; the defaults without them.
        key: The value of `settings.key`, which the runtime has looked up.

    Raises:
        ToolNotFound: muxi brings no such tool.
        ConfigError: The options lack something.
    """
    if settings is None:
        kind = _DEFAULTS.get(name)
        if kind is None:
            raise ToolNotFound(
                f"muxi has no built-in tool `{name}`.", hint=f"It has: {', '.join(BUILTIN_TOOLS)}."
            )
        settings = kind()
    match settings:
        case CalculatorTool():
            from muxi.tools.builtin.calculator import calculator

            return calculator
        case ClockTool():
            from muxi.tools.builtin.clock import make_clock

            return make_clock(settings.zone)
        case WebFetchTool():
            from muxi.tools.builtin.web_fetch import make_web_fetch

            return make_web_fetch(
                allow_hosts=settings.allow_hosts,
                timeout=settings.timeout,
                max_bytes=settings.max_bytes,
                max_text=settings.max_text,
            )
        case WebSearchTool():
            from muxi.tools.builtin.web_search import make_web_search

            return make_web_search(_engine(settings, key), timeout=settings.timeout)
    assert_never(settings)


def _engine(settings: WebSearchTool, key: str | None) -> SearchEngine:
    timeout = settings.timeout
    match settings.engine:
        case "open":
            from muxi.tools.builtin.open_knowledge import OpenKnowledge

            return OpenKnowledge(timeout=timeout)
        case "searxng":
            from muxi.tools.builtin.searxng import SearXNG

            if settings.url is None:
                raise ConfigError("The engine searxng needs `url`, the address of an instance.")
            return SearXNG(settings.url, timeout=timeout)
        case "brave":
            from muxi.tools.builtin.brave import Brave

            return Brave(_needed(key, "brave"), timeout=timeout)
        case "tavily":
            from muxi.tools.builtin.tavily import Tavily

            return Tavily(_needed(key, "tavily"), timeout=timeout)


def _needed(key: str | None, engine: str) -> str:
    if not key:
        raise ConfigError(
            f"The search engine {engine} needs a key.",
            hint="Write `key: secret://NAME` or `key: ${NAME}` under `tools: web_search:`.",
        )
    return key
