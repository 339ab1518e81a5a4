"""Tool calls that arrive in pieces, put together. Part of the decoder of chat completions.

Servers number the pieces in many ways: by `index`, by `id`, by both, by neither; some always say
index 0, some send each call whole. An id that was not seen before begins a new call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from muxi.core.errors import ModelProtocolError
from muxi.core.events import ModelEvent, ToolCallDelta, ToolCallStarted
from muxi.core.ids import new_id
from muxi.core.messages import ToolCallPart
from muxi.wire.chat_completions.chunks import ToolCall
from muxi.wire.chat_completions.request import FORMAT
from muxi.wire.encoded import to_json
from muxi.wire.json_text import read_object
from muxi.wire.reading import read_arguments


class _Call:
    """One call, as far as it has come."""

    __slots__ = ("arguments", "extra", "given_id", "id", "name", "number", "place", "started")

    def __init__(self, number: int | None, call_id: str | None) -> None:
        self.number = number
        self.given_id = call_id
        self.id = call_id or new_id("call")
        self.name = ""
        self.arguments: list[str] = []
        self.extra: dict[str, Any] | None = None
        self.place = 0
        self.started = False


class Calls:
    """All calls of one answer."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def take(self, piece: ToolCall, place: Callable[[str], int]) -> list[ModelEvent]:
        """The events for one piece; `place` gives a part its place in the answer."""
        call = self._find(piece)
        function = piece.function
        name = function.name if function else None
        if piece.extra_content:
            call.extra = piece.extra_content
        out: list[ModelEvent] = []
        if name and not call.started:
            call.name = name
            call.started = True
            call.place = place(call.id)
            out.append(ToolCallStarted(index=call.place, call_id=call.id, name=name))
        text = function.arguments if function else None
        if isinstance(text, dict):
            text = to_json(text).decode()
        if text:
            call.arguments.append(text)
            if call.started:
                out.append(ToolCallDelta(index=call.place, call_id=call.id, text=text))
        return out

    def _find(self, piece: ToolCall) -> _Call:
        call_id = piece.id or None
        known = self._by_id(piece.index, call_id) if call_id else self._by_place(piece)
        if known is None:
            # An id that another call has already would make their results one.
            taken = any(call.id == call_id for call in self._calls)
            known = _Call(piece.index, None if taken else call_id)
            self._calls.append(known)
        return known

    def _by_id(self, number: int | None, call_id: str) -> _Call | None:
        for call in self._calls:
            if call.given_id == call_id and (number is None or number == call.number):
                return call
        # The id of a call may come after its first piece.
        for call in reversed(self._calls):
            if call.given_id is None and number is not None and call.number == number:
                call.given_id = call_id
                return call
        return None

    def _by_place(self, piece: ToolCall) -> _Call | None:
        for call in reversed(self._calls):
            if piece.index is None or call.number == piece.index:
                return None if _begins_anew(piece, call) else call
        return None

    def parts(self) -> dict[str, ToolCallPart]:
        """All calls by id.

        Raises:
            ModelProtocolError: A call has no name.
        """
        if not all(call.started for call in self._calls):
            raise ModelProtocolError("The answer holds a tool call without a name.")
        return {call.id: _part(call) for call in self._calls}


def _begins_anew(piece: ToolCall, call: _Call) -> bool:
    """Whether a piece without an id is the first of another call: it has a name, and the call
    before it is whole. Some servers repeat the name in every piece."""
    function = piece.function
    if function is None or not function.name or not function.arguments or not call.started:
        return False
    return read_object("".join(call.arguments)) is not None


def _part(call: _Call) -> ToolCallPart:
    text = "".join(call.arguments)
    arguments, malformed = read_arguments(text)
    return ToolCallPart(
        id=call.id,
        name=call.name,
        arguments=arguments,
        malformed=malformed,
        provider={FORMAT: {"extra_content": call.extra}} if call.extra else None,
    )
