"""An agent as the terms of one run have it: with the client's tools, shape, settings and words.

Called by `runs` wherever an attempt gets its agent. The agent itself is shared and never changed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from muxi.core.errors import InvalidInput
from muxi.core.messages import ToolCallPart
from muxi.core.ports import (
    Context,
    ContextBlock,
    ContextQuery,
    ContextSource,
    Host,
    Policy,
    Verdict,
)
from muxi.core.requests import ModelSettings, ToolSpec
from muxi.core.terms import UPDATE_STATE, RunTerms, Terms

if TYPE_CHECKING:
    from muxi.agents.agent import Agent

_ALLOW = Verdict("allow")


def check_terms(terms: Terms) -> None:
    """Raise `InvalidInput` if nobody could keep to these terms."""
    from muxi.tools.json_schema import mistake

    schemas = {f"tools.{tool.name}.parameters": tool.parameters for tool in terms.tools}
    if terms.output is not None:
        schemas["output"] = terms.output.json_schema
    for place, schema in schemas.items():
        wrong = mistake(schema)
        if wrong is not None:
            raise InvalidInput(f"{place} is no JSON Schema: {wrong}.")
        if place != "output" and schema.get("type", "object") != "object":
            raise InvalidInput(f"{place} must be the schema of an object.")


def on_terms(agent: Agent[object], terms: RunTerms | None) -> Agent[object]:
    """`agent` for a run with these terms; the agent itself if there are none."""
    if terms is None:
        return agent
    from muxi.agents.agent import Agent
    from muxi.agents.client_calls import ClientCalls
    from muxi.agents.output import Output
    from muxi.tools.client_tools import ClientToolset
    from muxi.tools.shared_state import shared_state_toolset

    spec = replace(agent.spec, settings=_settings(agent.spec.settings, terms.settings))
    names = _names(terms)
    if names:
        shown = () if terms.tool_choice == "none" else terms.tools
        spec.toolsets = [*spec.toolsets, ClientToolset(shown, before=terms.before)]
    if names or terms.then is not None:
        choice = "auto" if terms.tool_choice == "none" else terms.tool_choice
        spec.client = ClientCalls(names=names, choice=choice, since=terms.since, then=terms.then)
    if terms.state is not None and UPDATE_STATE not in names:
        spec.toolsets = [*spec.toolsets, shared_state_toolset()]
    if terms.output is not None:
        spec.output = Output(terms.output, None)
    return Agent.from_spec(spec, agent.model)


def host_on_terms(host: Host, terms: RunTerms | None) -> Host:
    """`host` with what the client says to the agent, and without approvals for its own calls."""
    if terms is None:
        return host
    sources: Sequence[ContextSource] = host.sources
    if told := _told(terms):
        sources = (_Told(told), *sources)
    policy = _ClientPolicy(host.policy, _names(terms))
    return replace(host, sources=sources, policy=policy)


def _told(terms: Terms) -> str:
    """What the client says to the agent."""
    if terms.state is None:
        return terms.instructions
    state = json.dumps(terms.state, ensure_ascii=False)
    shared = f"The state that you share with the user's page, as it is now:\n{state}"
    return "\n\n".join(filter(None, (terms.instructions, shared)))


def _names(terms: RunTerms) -> frozenset[str]:
    """The client's tools, also those of which it only gives results."""
    return frozenset(tool.name for tool in (*terms.before, *terms.tools))


def _settings(own: ModelSettings, asked: ModelSettings) -> ModelSettings:
    wanted = asked.model_dump(exclude_defaults=True)
    if own.max_tokens is not None and asked.max_tokens is not None:
        wanted["max_tokens"] = min(own.max_tokens, asked.max_tokens)
    return own.model_copy(update=wanted)


@dataclass(frozen=True, slots=True)
class _Told:
    """A context source: what the client tells the agent."""

    text: str

    async def gather(self, ctx: Context, query: ContextQuery) -> ContextBlock:
        """See `core.ports.ContextSource`."""
        return ContextBlock(instructions=self.text)


@dataclass(frozen=True, slots=True)
class _ClientPolicy:
    """Implements `core.ports.Policy`: what the client does itself needs no leave of the project."""

    inner: Policy
    names: frozenset[str]

    async def decide(self, ctx: Context, call: ToolCallPart, spec: ToolSpec) -> Verdict:
        """See `core.ports.Policy`."""
        if spec.name in self.names:
            return _ALLOW
        return await self.inner.decide(ctx, call, spec)
