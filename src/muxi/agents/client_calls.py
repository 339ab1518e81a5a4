"""What the client of a run has a model call, and what it says then. Read by `run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muxi.core.ids import new_id
from muxi.core.messages import Message
from muxi.core.record import now
from muxi.core.requests import ToolChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCalls:
    """The client's tools of one run, by name."""

    names: frozenset[str]
    choice: ToolChoice = "auto"
    """What the model must call before it may answer."""
    since: str | None = None
    """The last message before the client spoke; None if that is the run's input."""
    then: Message | None = None
    """What it says after the results that it gave."""

    def choice_after(self, messages: Sequence[Message]) -> ToolChoice:
        """The choice, until one of the client's tools was called since it spoke."""
        for message in reversed(messages):
            if message.id == self.since:
                break
            if any(call.name in self.names for call in message.tool_calls):
                return "auto"
        return self.choice

    def next_words(self, messages: Sequence[Message]) -> Message | None:
        """What the client still has to say, once its results are in."""
        if self.then is None or len(messages) < 2:
            return None
        asked, results = messages[-2:]
        if asked.id != self.since or results.role != "tool":
            return None
        # Messages are told in the order of their ids: this one is said now.
        return self.then.model_copy(update={"id": new_id("msg"), "created_at": now()})
