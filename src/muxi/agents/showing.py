"""What a run's model is shown of messages with media: bytes, or text in their place. Held by `run`.

It must never leave anything out without words for it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from muxi.agents.turn import Turn
from muxi.core.errors import ContextTooLong, ModelRejected
from muxi.core.events import Event
from muxi.core.messages import MediaPart, Message, has_media, media
from muxi.core.ports import Context, Host
from muxi.models.model import Model

_UNKNOWN_CONTEXT = 32_000
_CHARACTERS = 3
"""Of a token, in the tightest of common texts."""
_LEAST = 16
"""The share of the context, one in so many, that texts in place of media have at least."""
_REFUSED_FOR = 3600.0
"""Seconds for which a model is not given again what it has refused."""

Kind = type[MediaPart]


@dataclass(slots=True)
class Tried:
    """What a model of unknown abilities took and refused, as long as it lives."""

    taken: set[Kind] = field(default_factory=set[Kind])
    refused: dict[Kind, float] = field(default_factory=dict[Kind, float])
    """Until when, by the monotonic clock."""

    def take(self, kinds: set[Kind]) -> None:
        """It answered, having been given these."""
        self.taken |= kinds

    def refuse(self, kinds: set[Kind]) -> None:
        """It answered once these were left out. Of several nobody can tell which it was, and of
        one that it has taken before, that it is the kind."""
        if len(kinds) == 1 and not kinds & self.taken:
            self.refused.update(dict.fromkeys(kinds, time.monotonic() + _REFUSED_FOR))

    def refuses(self, kind: Kind) -> bool:
        return time.monotonic() < self.refused.get(kind, 0.0)


_tried: WeakKeyDictionary[Model, Tried] = WeakKeyDictionary()


@dataclass(slots=True)
class Showing:
    """Asks one model about messages whose media it may not take."""

    model: Model
    ctx: Context
    host: Host
    may_keep: bool = field(default=False, init=False)
    """Whether the model's provider may keep something that was shown."""
    _room: int = field(init=False)
    """Tokens that texts in place of media may have from now on."""
    _tries: bool = True
    """Whether the model is given what nobody knows that it takes."""
    _refused: set[Kind] = field(default_factory=set[Kind])
    """What the model has refused in this run."""
    _unknown: set[Kind] = field(default_factory=set[Kind])
    """What it is given in this run though nobody knows that it takes it."""
    _shown: dict[str, tuple[Message, Message]] = field(
        default_factory=dict[str, tuple[Message, Message]]
    )
    """Messages with media and what was made of them, by id."""

    def __post_init__(self) -> None:
        self._room = self._context // 2

    @property
    def _context(self) -> int:
        return self.model.profile.context_tokens or _UNKNOWN_CONTEXT

    def leave(self, tokens: int) -> None:
        """So much of the context is not taken by other things."""
        self._room = max(tokens, self._context // _LEAST)

    async def of(self, messages: Sequence[Message]) -> list[Message]:
        """`messages` as the model is to see them. The newest come first where room is short."""
        if self.host.media is None or not any(map(has_media, messages)):
            return list(messages)
        shown: list[Message] = []
        for message in reversed(messages):
            shown.append(await self._one(message) if has_media(message) else message)
        shown.reverse()
        return shown

    async def _one(self, message: Message) -> Message:
        known = self._shown.get(message.id)
        if known is None or known[0] is not message:
            known = self._shown[message.id] = (message, await self._make(message))
        return known[1]

    async def ask(
        self, messages: Sequence[Message], begin: Callable[[Sequence[Message]], Turn]
    ) -> AsyncGenerator[Event]:
        """The events of a turn that begins with `messages`.

        A model that refuses what nobody knew that it takes is asked again without it.
        """
        while True:
            shown = await self.of(messages)
            turn = begin(shown)
            try:
                async with aclosing(turn.stream(self.ctx, self.host)) as events:
                    async for event in events:
                        yield event
                if self._unknown:
                    self._remember(shown)
                return
            except ModelRejected as error:
                told = isinstance(error, ContextTooLong) or turn.message is not None
                self._refused = self._trying(shown)
                if told or not self._tries or not self._refused:
                    raise
            self._tries = False
            self._shown.clear()

    async def _make(self, message: Message) -> Message:
        assert self.host.media is not None
        made = await self.host.media.show(
            self.ctx, message, takes=self._takes, room=max(0, self._room) * _CHARACTERS
        )
        self.may_keep = self.may_keep or any(part.original for part in media(made.parts))
        if self._is_told(message, made):
            self._room -= self.model.count(made)
        return made

    def _takes(self, part: MediaPart) -> bool:
        able = self.model.profile.takes(part)
        if able is not None:
            return able
        if not self._tries or self._known.refuses(type(part)):
            return False
        self._unknown.add(type(part))
        return True

    def _trying(self, messages: Sequence[Message]) -> set[Kind]:
        """The kinds among what was shown of which nobody knows whether the model takes them."""
        takes = self.model.profile.takes
        shown = (part for message in messages for part in media(message.parts))
        return {type(part) for part in shown if takes(part) is None}

    def _remember(self, shown: Sequence[Message]) -> None:
        """The model has answered."""
        if self._refused:
            self._known.refuse(self._refused)
            self._refused = set()
        else:
            self._known.take(self._trying(shown))

    @property
    def _known(self) -> Tried:
        return _tried.setdefault(self.model, Tried())

    @staticmethod
    def _is_told(message: Message, made: Message) -> bool:
        """Whether text stands in place of some media."""
        return sum(1 for _ in media(made.parts)) < sum(1 for _ in media(message.parts))
