"""Prompts, and what arguments of prompts and addresses may go on with. Part of what muxi offers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import mcp_types as types

from muxi.core.errors import InvalidInput, NotFound
from muxi.knowledge.source import quoted, to_the_point
from muxi.memory.recall import recalled_text
from muxi.runtime.build import Runtime
from muxi.runtime.principal import owner_for
from muxi.server.mcp.agents import ASK, AgentTools
from muxi.server.mcp.call import Call
from muxi.server.mcp.surface import ServedPrompt

_MOST: Final = 100
"""Proposals at once; the protocol allows no more."""
_LOOKED_AT: Final = 500
"""The latest of something that are looked through for proposals."""
_HITS: Final = 8

Finder = Callable[[Call], Awaitable[list[str]]]


class Prompts:
    """What a person may begin with."""

    def __init__(self, runtime: Runtime, agents: AgentTools) -> None:
        self._runtime = runtime
        self._agents = agents
        self._known: dict[str, Finder] = {
            "agent": self._agent_names,
            "thread_id": self._thread_ids,
            "document_id": self._document_ids,
            "memory_id": self._memory_ids,
            "path": self._paths,
        }

    async def prompts(self, call: Call) -> Sequence[ServedPrompt]:
        """All of them."""
        offers = self._runtime.project.server.mcp
        found: list[ServedPrompt] = []
        if await self._agents.infos(call):
            found.append(self._ask_agent())
        if offers.threads:
            found.append(self._continue_thread())
        if offers.memory or offers.knowledge:
            found.append(self._with_what_is_known())
        return found

    async def complete(self, params: types.CompleteRequestParams, call: Call) -> types.Completion:
        """Values that begin with, or else contain, what was typed.

        Raises:
            InvalidInput: There is no such prompt or template.
        """
        await self._check(params.ref, call)
        finder = self._known.get(params.argument.name)
        values = await finder(call) if finder is not None else []
        typed = params.argument.value.lower()
        first = [value for value in values if value.lower().startswith(typed)]
        first += [value for value in values if typed in value.lower() and value not in first]
        return types.Completion(values=first[:_MOST], total=len(first), has_more=len(first) > _MOST)

    async def _check(
        self, ref: types.PromptReference | types.ResourceTemplateReference, call: Call
    ) -> None:
        if isinstance(ref, types.PromptReference):
            known = [each.shown.name for each in await self.prompts(call)]
            if ref.name not in known:
                raise InvalidInput(f"Unknown prompt: {ref.name[:128]}")

    def _ask_agent(self) -> ServedPrompt:
        async def get(arguments: dict[str, str], call: Call) -> types.GetPromptResult:
            agent = arguments["agent"]
            if agent not in await self._agent_names(call):
                raise InvalidInput(f"There is no agent {agent[:64]}.")
            words = (
                f"Ask the agent {agent} with the tool `{ASK}{agent}`, and tell me what it says. "
                f"The question is:\n\n{arguments['question']}"
            )
            return _said(f"Ask {agent}", words)

        return _prompt(
            "ask_agent",
            "Ask an agent",
            "Hand a question to one of the project's agents.",
            {"agent": "Name of the agent.", "question": "What to ask."},
            get,
        )

    def _continue_thread(self) -> ServedPrompt:
        async def get(arguments: dict[str, str], call: Call) -> types.GetPromptResult:
            thread_id = arguments["thread_id"]
            await self._runtime.guard.require(call.caller, "threads.read")
            try:
                messages = await self._runtime.threads.messages(call.who, thread_id)
            except NotFound as error:
                raise InvalidInput(error.message) from None
            told = [
                types.PromptMessage(
                    role="user" if message.role == "user" else "assistant",
                    content=types.TextContent(text=message.text),
                )
                for message in messages
                if message.role in ("user", "assistant") and message.text
            ]
            return types.GetPromptResult(description="A conversation so far", messages=told)

        return _prompt(
            "continue_thread",
            "Continue a conversation",
            "Take up here what was said in a conversation with one of the project's agents.",
            {"thread_id": "The conversation: `thr_...`."},
            get,
        )

    def _with_what_is_known(self) -> ServedPrompt:
        async def get(arguments: dict[str, str], call: Call) -> types.GetPromptResult:
            question = arguments["question"]
            found = [await self._recalled(question, call), await self._quoted(question, call)]
            words = "\n\n".join([*filter(None, found), question])
            return _said("A question with what is known about it", words)

        return _prompt(
            "with_what_is_known",
            "Ask with what is known",
            "Put a question together with what is remembered of the user and what the project's "
            "documents say about it.",
            {"question": "What to ask."},
            get,
        )

    async def _recalled(self, question: str, call: Call) -> str:
        if not await self._offers("memory", "memories.read", call):
            return ""
        mine = owner_for(call.who)
        found = await self._runtime.memories.search(call.who, mine, question, limit=_HITS)
        return recalled_text(found.items)

    async def _quoted(self, question: str, call: Call) -> str:
        if not await self._offers("knowledge", "knowledge.read", call):
            return ""
        found = await self._runtime.knowledge.search(call.who, question, limit=_HITS)
        return quoted(to_the_point(found.items))

    async def _offers(self, room: str, action: str, call: Call) -> bool:
        """Whether a room is offered to clients, and this one may read there."""
        offered: bool = getattr(self._runtime.project.server.mcp, room)
        upon = owner_for(call.who) if room == "memory" else None
        return offered and await self._runtime.guard.allows(call.caller, action, upon)

    async def _agent_names(self, call: Call) -> list[str]:
        return [info.name for info in await self._agents.infos(call)]

    async def _thread_ids(self, call: Call) -> list[str]:
        if not await self._offers("threads", "threads.read", call):
            return []
        page = await self._runtime.threads.page(call.who, limit=_LOOKED_AT)
        return [each.id for each in page.items]

    async def _document_ids(self, call: Call) -> list[str]:
        if not await self._offers("knowledge", "knowledge.read", call):
            return []
        page = await self._runtime.knowledge.page(call.who, limit=_LOOKED_AT)
        return [each.id for each in page.items]

    async def _memory_ids(self, call: Call) -> list[str]:
        if not await self._offers("memory", "memories.read", call):
            return []
        page = await self._runtime.memories.page(call.who, owner_for(call.who), limit=_LOOKED_AT)
        return [each.id for each in page.items]

    async def _paths(self, call: Call) -> list[str]:
        if not await self._offers("memory", "facts.read", call):
            return []
        page = await self._runtime.facts.page(call.who, owner_for(call.who), limit=_LOOKED_AT)
        return [each.predicate for each in page.items]


def _prompt(
    name: str,
    title: str,
    description: str,
    arguments: dict[str, str],
    get: Callable[[dict[str, str], Call], Awaitable[types.GetPromptResult]],
) -> ServedPrompt:
    asked = [
        types.PromptArgument(name=each, description=words, required=True)
        for each, words in arguments.items()
    ]
    shown = types.Prompt(name=name, title=title, description=description, arguments=asked)
    return ServedPrompt(shown, get)


def _said(description: str, words: str) -> types.GetPromptResult:
    message = types.PromptMessage(role="user", content=types.TextContent(text=words))
    return types.GetPromptResult(description=description, messages=[message])
