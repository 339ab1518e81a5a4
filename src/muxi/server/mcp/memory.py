"""What is remembered of a user, as tools. Part of what muxi offers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from muxi.core.errors import NotFound
from muxi.core.forgetting import Forget
from muxi.memory.facts import Telling
from muxi.memory.recall import line_of
from muxi.runtime.build import Runtime
from muxi.runtime.principal import owner_for
from muxi.server.mcp.call import Call
from muxi.server.mcp.offering import ADDS, READS, REMOVES, given, offered, text, upon_own
from muxi.server.mcp.surface import ServedTool

_MOST_FACTS: Final = 1_000
_MEMORY: Final = {
    "type": "object",
    "properties": {
        "id": text("Its id, by which `forget` forgets it."),
        "text": text("What was said or put down."),
        "speaker": {"type": ["string", "null"], "description": "Who said it."},
        "said_at": {"type": ["string", "null"], "description": "When, in ISO 8601."},
        "score": {"type": "number", "description": "How well it fits; larger is better."},
    },
    "required": ["id", "text", "speaker", "said_at", "score"],
}
_PATH: Final = "Where, as a dotted path such as `location.city`"


class MemoryTools:
    """Works on the memory of the user who asks."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def tools(self) -> Sequence[ServedTool]:
        """All of them."""
        return (self._recall(), self._remember(), self._forget(), self._facts(), self._set_fact())

    def _recall(self) -> ServedTool:
        async def run(arguments: dict[str, Any], call: Call) -> Any:
            found = await self._runtime.memories.search(
                call.who, owner_for(call.who), arguments["query"], limit=arguments.get("limit", 10)
            )
            memories = [
                {
                    "id": item.memory.id,
                    "text": item.memory.text,
                    "speaker": item.memory.speaker,
                    "said_at": item.memory.said_at and item.memory.said_at.isoformat(),
                    "score": item.score,
                }
                for item in found.items
            ]
            lines = [f"{line_of(item.memory)} [{item.memory.id}]" for item in found.items]
            words = "\n".join(lines) or "Nothing is remembered of that."
            return given(words, {"memories": memories})

        return offered(
            "recall",
            "Recall",
            "Look for what was said in earlier conversations with this project's agents, or put "
            "down with `remember`. Gives memories with their ids, best first.",
            takes={
                "query": text("What to look for, as a question.", minLength=1),
                "limit": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 50,
                    "default": 10,
                    "description": "The most memories.",
                },
            },
            gives={"memories": {"type": "array", "items": _MEMORY}},
            annotations=READS,
            run=run,
            needs=upon_own("memories.read"),
            optional={"limit"},
        )

    def _remember(self) -> ServedTool:
        async def run(arguments: dict[str, Any], call: Call) -> Any:
            stored = await self._runtime.memories.add(
                call.who, owner_for(call.who), arguments["text"]
            )
            return given(f"Remembered as {stored.id}.", {"id": stored.id})

        return offered(
            "remember",
            "Remember",
            "Put something down so that agents and `recall` find it in later conversations.",
            takes={"text": text("A sentence that makes sense by itself.", minLength=1)},
            gives={"id": text("Id of the memory.")},
            annotations=ADDS,
            run=run,
            needs=upon_own("memories.write"),
        )

    def _forget(self) -> ServedTool:
        async def run(arguments: dict[str, Any], call: Call) -> Any:
            wanted = arguments["memory_id"]
            await self._runtime.forgetting.forget(
                call.who, owner_for(call.who), Forget(memories=[wanted])
            )
            return given(f"Forgotten: {wanted}.", {"id": wanted})

        return offered(
            "forget",
            "Forget",
            "Forget one memory for good, with all that was made of it, because the user asks for "
            "it.",
            takes={"memory_id": text("Its id, as `recall` gives it: `mem_...`.")},
            gives={"id": text("Id of the memory that is gone.")},
            annotations=REMOVES,
            run=run,
            needs=upon_own("memories.delete"),
        )

    def _facts(self) -> ServedTool:
        async def run(arguments: dict[str, Any], call: Call) -> Any:
            try:
                tree = await self._runtime.facts.tree(
                    call.who,
                    owner_for(call.who),
                    path=arguments.get("path", ""),
                    most=_MOST_FACTS,
                )
            except NotFound:
                tree = None
            nothing = tree is None or tree == {}
            words = "Nothing is known." if nothing else json.dumps(tree, ensure_ascii=False)
            return given(words, {"facts": tree})

        return offered(
            "facts",
            "Facts",
            "What is known of the user now, as nested JSON: name, places, work, tastes.",
            takes={"path": text(f"{_PATH}; everything if it is left out.")},
            gives={"facts": {"description": "What holds there; null if nothing is known."}},
            annotations=READS,
            run=run,
            needs=upon_own("facts.read"),
            optional={"path"},
        )

    def _set_fact(self) -> ServedTool:
        async def run(arguments: dict[str, Any], call: Call) -> Any:
            changed = await self._runtime.facts.put(
                call.who,
                owner_for(call.who),
                arguments["path"],
                arguments["value"],
                telling=Telling(source="api"),
            )
            counts = {
                "added": changed.added,
                "confirmed": changed.confirmed,
                "ended": changed.ended,
            }
            told = ", ".join(f"{count} {name}" for name, count in counts.items())
            return given(f"Noted: {told}.", counts)

        return offered(
            "set_fact",
            "Set a fact",
            "Note a fact about the user, in place of what held before; what held stays in the "
            "history.",
            takes={
                "path": text(f"{_PATH}.", minLength=1),
                "value": {
                    "type": ["string", "number", "boolean", "object", "array"],
                    "description": "What holds now: any JSON but null.",
                },
            },
            gives={
                name: {"type": "integer", "description": f"How many facts were {name}."}
                for name in ("added", "confirmed", "ended")
            },
            annotations=REMOVES,
            run=run,
            needs=upon_own("facts.write"),
        )
