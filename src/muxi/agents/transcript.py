"""What a run has added to its thread, and how it is closed. Held by `run`.

Every message goes through `append`, so that what the journal keeps and what readers are told cannot
differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muxi.agents.tool_calls import failure
from muxi.core.errors import GuardrailBlocked, LimitReached, MuxiError
from muxi.core.events import Event, MessageCompleted, RunCompleted, RunStatus
from muxi.core.messages import Message, ToolResultPart, has_media
from muxi.core.ports import Context, Host
from muxi.core.problems import problem_of

REPAIR = "repair"
"""Key in the metadata of a message that asks the model to mend its structured output."""


@dataclass(slots=True)
class Transcript:
    """The messages of a run after its input: what a successor finds in the journal."""

    ctx: Context
    host: Host
    messages: list[Message] = field(default_factory=list[Message])

    @property
    def last(self) -> Message | None:
        return self.messages[-1] if self.messages else None

    @property
    def repairs(self) -> int:
        """How often the model was asked to mend its output."""
        return sum(1 for message in self.messages if REPAIR in message.metadata)

    async def lay_down(self, message: Message) -> None:
        """Let a message that is not appended yet refer to the bytes that it holds."""
        if self.host.media is not None and has_media(message):
            message.parts = await self.host.media.lay_down(message.parts)

    def append(self, message: Message) -> MessageCompleted:
        """Put `message` into the thread and say so."""
        if message.run_id is None:
            message.thread_id = self.ctx.thread_id
            message.run_id = self.ctx.run_id
        self.messages.append(message)
        self.host.journal.append(self.ctx, message)
        return MessageCompleted(message=message)

    def complete(self, answer: Message, output: Any) -> RunCompleted:
        return RunCompleted(
            status="completed", text=answer.text, output=output, usage=self.ctx.usage
        )

    def break_off(
        self,
        error: MuxiError | None,
        *,
        partial: Message | None,
        results: Mapping[str, ToolResultPart],
    ) -> list[Event]:
        """Close what is open in the thread and say how the run ended; None means cancelled.

        Args:
            partial: An answer that broke off.
            results: Results by call id of calls that were finished before the end.
        """
        events: list[Event] = []
        if partial is not None:
            events.append(self.append(partial))
        if self.last is not None and self.last.tool_calls:
            parts = [
                results.get(call.id) or failure(call, "The call was cancelled.", "cancelled")
                for call in self.last.tool_calls
            ]
            events.append(self.append(Message(role="tool", parts=list(parts))))
        text = next((m.text for m in reversed(self.messages) if m.role == "assistant"), "")
        end = RunCompleted(
            status=_status(error),
            text=text,
            usage=self.ctx.usage,
            problem=None if error is None else problem_of(error),
            limit=None if error is None else error.details.get("limit"),
        )
        return [*events, end]


def _status(error: MuxiError | None) -> RunStatus:
    if error is None:
        return "cancelled"
    if isinstance(error, LimitReached):
        return "limited"
    return "blocked" if isinstance(error, GuardrailBlocked) else "failed"
