"""What the client of a run has a model call, and what it says then. Read by `run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muxi.core.messages import Message
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
        if self.then is None or not messages or messages[-1].role != "tool":
            return None
        return None if any(each.id == self.then.id for each in messages) else self.then
