"""muxi: AI agents that you own, and the server that runs them.

Names are imported when they are first used, so that `import muxi` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from muxi.agents.agent import Agent
    from muxi.agents.guardrails import Guardrail
    from muxi.agents.result import RunResult
    from muxi.core.context import RunContext
    from muxi.core.errors import MuxiError
    from muxi.core.messages import Message
    from muxi.core.usage import Limits, Usage
    from muxi.core.version import __version__
    from muxi.memory.standalone import Memory
    from muxi.models.resolve import model
    from muxi.tools.function import tool

_HOMES = {
    "Agent": "muxi.agents.agent",
    "Guardrail": "muxi.agents.guardrails",
    "Limits": "muxi.core.usage",
    "Memory": "muxi.memory.standalone",
    "Message": "muxi.core.messages",
    "MuxiError": "muxi.core.errors",
    "RunContext": "muxi.core.context",
    "RunResult": "muxi.agents.result",
    "Usage": "muxi.core.usage",
    "__version__": "muxi.core.version",
    "model": "muxi.models.resolve",
    "tool": "muxi.tools.function",
}

__all__ = [
    "Agent",
    "Guardrail",
    "Limits",
    "Memory",
    "Message",
    "MuxiError",
    "RunContext",
    "RunResult",
    "Usage",
    "__version__",
    "model",
    "tool",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'muxi' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
