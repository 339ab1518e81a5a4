"""A conversation that a client holds becomes a run, or goes on as one. Called by the routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muxi.core.errors import InvalidInput
from muxi.core.terms import Terms
from muxi.core.threads import Run
from muxi.core.usage import Usage
from muxi.runtime.build import Runtime
from muxi.runtime.feed import Feed
from muxi.runtime.principal import Principal
from muxi.runtime.requests import ClientRequest
from muxi.server.operations import Call
from muxi.wire.conversation import Conversation


@dataclass(slots=True, kw_only=True)
class Asked:
    """What an answer is read from."""

    run: Run
    feed: Feed
    before: Usage
    """What the run had consumed before."""


async def ask(call: Call[Any, Any], agent: str, conversation: Conversation, terms: Terms) -> Asked:
    """Go on with the run that waits for the results with which the conversation ends, or begin one.

    Raises:
        InvalidInput: Nobody could answer the conversation.
        MuxiError: As `runs.start`.
    """
    going_on = await _go_on(call.runtime, call.who, agent, conversation, terms)
    if going_on is not None:
        return going_on
    *history, last = conversation.messages or [None]
    if last is None or last.role == "assistant":
        raise InvalidInput(
            "The conversation must end with what the user says, or with results of tools.",
            param="messages",
        )
    request = ClientRequest(
        agent=agent,
        input=last.parts,
        role=last.role,
        history=[message for message in history if message is not None],
        terms=terms,
    )
    run, feed = await call.start_and_follow(request)
    return Asked(run=run, feed=feed, before=Usage())


async def _go_on(
    runtime: Runtime, who: Principal, agent: str, conversation: Conversation, terms: Terms
) -> Asked | None:
    """The run that waits for just these results, if there is one."""
    results, then = conversation.results()
    if not results:
        return None
    calls = runtime.client_calls
    asked = await calls.find(who, results[0].call_id)
    if asked is None or asked.agent != agent:
        return None
    wanted = {each.call_id for each in await calls.open(who, asked.run_id)}
    if wanted != {result.call_id for result in results}:
        # They were given before: the client begins anew from there.
        return None
    run, feed = await calls.answer(who, asked.run_id, results, then=then, terms=terms)
    return Asked(run=run, feed=feed, before=run.usage.model_copy())
