"""Recordings into words, and words into speech: asks the project's models, within budgets.

Called by `media_texts`, by tools through the port `core.voice.Voice`, and by doors. What it takes
counts for the run that needs it; at a door, it is stored as usage of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Literal

from muxi.config.media_settings import SpeechSettings, TranscriptionSettings
from muxi.core.context import RunContext
from muxi.core.errors import NotFound, PriceUnknown
from muxi.core.ids import new_id
from muxi.core.messages import AudioPart, MediaPart
from muxi.core.ports import Context, Estimate
from muxi.core.threads import Run
from muxi.core.usage import Limits, Usage
from muxi.core.voice import Recording, SpeechFormat, SpeechOrder, Transcript
from muxi.identity.ledger import BudgetLedger
from muxi.runtime.blobs import Blobs
from muxi.runtime.models import Models
from muxi.runtime.principal import Principal
from muxi.runtime.reserving import reserved
from muxi.storage import usage as stored_usage

if TYPE_CHECKING:
    from muxi.models.model import Price

_TIGHTEST = 1_000
"""Bytes that a second of sound has at least, in the tightest of common encodings."""
_DENSEST = 32
"""Tokens of a second of sound, at the dearest."""
_WORDS = 8
"""Tokens of text in a second of speech, at the most."""


@dataclass(frozen=True, kw_only=True)
class ModelVoice:
    """Implements `core.voice.Voice` with the models of one project."""

    models: Models
    blobs: Blobs
    ledger: BudgetLedger

    @property
    def hears(self) -> str | None:
        """Name of the model that writes down recordings; None if the project has none."""
        settings = self.models.project.media.transcription
        return None if settings is None else settings.model

    async def heard(
        self, ctx: Context, part: MediaPart, *, language: str | None = None
    ) -> Transcript:
        """What is said in a stored recording, which is asked for once. Raises as `transcribe`."""
        digest = part.blob or ""
        files, settings = self.blobs.files, self._hearing
        language = language or settings.language
        kind = f"transcript {settings.model} {language}"
        known = await asyncio.to_thread(files.reading, ctx.tenant, digest, kind)
        if known is not None:
            return Transcript.model_validate_json(known)
        data = await asyncio.to_thread(files.get, ctx.tenant, digest)
        recording = Recording(
            data=data, media_type=part.media_type, name=part.name, language=language
        )
        made = await self.transcribe(ctx, recording)
        kept = made.model_copy(update={"usage": Usage()})
        keep = partial(files.put_reading, ctx.tenant, digest, kind, kept.model_dump_json())
        await asyncio.to_thread(keep)
        return made

    async def transcribe(self, ctx: Context, recording: Recording) -> Transcript:
        """See `core.voice.Voice`."""
        settings = self._hearing
        model = await self.models.transcriber(settings.model)
        price = _token_price(model.name)
        seconds = -(-len(recording.data) // _TIGHTEST)
        estimate = _estimate(
            model.name,
            input_tokens=seconds * _DENSEST,
            output_tokens=seconds * _WORDS,
            price=price,
            cost=None if settings.price is None else settings.price * seconds / 60,
        )
        self._check_price(ctx, estimate, "media.transcription.price", "a minute")
        given = recording.language or settings.language
        async with reserved(self.ledger, ctx, lambda: estimate) as call:
            usage = call.usage
            made = await model.transcribe(_in_language(recording, given))
            told = made.usage
            usage.input_tokens, usage.output_tokens = told.input_tokens, told.output_tokens
            usage.cost = _cost(told, price)
            if settings.price is not None and made.seconds is not None:
                usage.cost = settings.price * Decimal(str(made.seconds)) / 60
            elif estimate.input_cost is not None and usage.cost is None:
                # How long it is was not told: it is taken for as long as it can be.
                usage.cost = estimate.input_cost
            made.usage = usage
        return made

    async def speak(self, ctx: Context, order: SpeechOrder) -> AsyncGenerator[bytes]:
        """See `core.voice.Voice`."""
        settings = self._speaking
        model = await self.models.speaker(settings.model)
        price = _token_price(model.name)
        size = len(order.text)
        cost = None if settings.price is None else settings.price * size / 1_000_000
        estimate = _estimate(
            model.name,
            input_tokens=size,
            # Some fifteen characters are said in a second, and as few as four in some scripts.
            output_tokens=size // 4 * _DENSEST + _DENSEST,
            price=price,
            cost=cost,
        )
        self._check_price(ctx, estimate, "media.speech.price", "a million characters")
        async with (
            reserved(self.ledger, ctx, lambda: estimate, timed=False) as call,
            aclosing(model.speak(order)) as pieces,
        ):
            usage = call.usage
            usage.cost = cost
            async for piece in pieces:
                if isinstance(piece, Usage):
                    usage.input_tokens = piece.input_tokens
                    usage.output_tokens = piece.output_tokens
                    usage.cost = _cost(piece, price) if cost is None else cost
                else:
                    yield piece

    async def with_bytes(self, ctx: Context, recording: AudioPart) -> AudioPart:
        """See `core.voice.Voice`."""
        who = Principal(ctx.tenant, ctx.user or None)
        return (await self.blobs.take_up_parts(who, [recording]))[0]

    def order(
        self,
        text: str,
        *,
        voice: str | None = None,
        format: SpeechFormat | None = None,
        speed: float | None = None,
        manner: str | None = None,
    ) -> SpeechOrder:
        """What is to be read aloud, as the project says where the arguments do not.

        Raises:
            NotFound: The project names nobody who reads aloud.
        """
        settings = self._speaking
        return SpeechOrder(
            text=text,
            voice=voice or settings.voice,
            format=format or settings.format,
            speed=speed,
            manner=manner,
        )

    def named(self, what: Literal["transcription", "speech"]) -> tuple[str, ...]:
        """What clients may call the model that does it, the name in the project file first.

        Raises:
            NotFound: The project names nobody who does it.
        """
        settings = self._hearing if what == "transcription" else self._speaking
        definition = self.models.project.models.get(settings.model)
        full = settings.model if definition is None else definition.model
        return settings.model, full, full.partition("/")[2]

    async def transcribe_for(self, who: Principal, recording: Recording) -> Transcript:
        """As `transcribe`, for somebody outside of a run."""
        async with self._alone(who, self._hearing.model) as ctx:
            return await self.transcribe(ctx, recording)

    async def heard_by(
        self, who: Principal, part: MediaPart, *, language: str | None = None
    ) -> Transcript:
        """As `heard`, for somebody outside of a run who may see the recording.

        Raises:
            NotFound: There is none, or it is not theirs to see.
        """
        [named], _ = await self.blobs.lay_down_parts(who, [part])
        if part.blob is not None:
            named.media_type = (await self.blobs.known(who, part.blob)).media_type
        async with self._alone(who, self._hearing.model) as ctx:
            return await self.heard(ctx, named, language=language)

    async def speak_for(self, who: Principal, order: SpeechOrder) -> AsyncGenerator[bytes]:
        """As `speak`, for somebody outside of a run."""
        async with (
            self._alone(who, self._speaking.model) as ctx,
            aclosing(self.speak(ctx, order)) as pieces,
        ):
            async for piece in pieces:
                yield piece

    @property
    def _hearing(self) -> TranscriptionSettings:
        settings = self.models.project.media.transcription
        if settings is None:
            raise NotFound(
                "This project has no model that writes down recordings.",
                hint="Name one as `media.transcription`, such as openai/gpt-4o-mini-transcribe.",
            )
        return settings

    @property
    def _speaking(self) -> SpeechSettings:
        settings = self.models.project.media.speech
        if settings is None:
            raise NotFound(
                "This project has no model that reads aloud.",
                hint="Name one as `media.speech`, such as openai/gpt-4o-mini-tts.",
            )
        return settings

    def _check_price(self, ctx: Context, estimate: Estimate, setting: str, unit: str) -> None:
        if estimate.input_cost is None and ctx.limits.cost is not None:
            raise PriceUnknown(
                f"{estimate.model} has no known price, and this run has a limit of cost.",
                hint=f"Write what {unit} costs, in US dollars, as `{setting}`.",
            )

    @asynccontextmanager
    async def _alone(self, who: Principal, model: str) -> AsyncGenerator[Context]:
        """The circumstances of a call outside of any run, whose usage is stored at the end."""
        run = Run(id=new_id("voice"), thread_id="", agent="", status="completed")
        ctx = RunContext[None](
            deps=None,
            tenant=who.tenant,
            user=who.principal or "",
            thread_id="",
            run_id=run.id,
            limits=Limits(),
        )
        try:
            yield ctx
        finally:
            if ctx.usage.requests:
                put = partial(stored_usage.put, run=run, usage=ctx.usage, model=model)
                await self.blobs.database.write(who, put)


def _in_language(recording: Recording, language: str | None) -> Recording:
    return Recording(
        data=recording.data,
        media_type=recording.media_type,
        name=recording.name,
        language=language,
        prompt=recording.prompt,
        words=recording.words,
    )


def _token_price(name: str) -> Price | None:
    """What the tokens of a model cost, where it is paid by tokens."""
    from muxi.models.catalogue import find

    provider, _, model = name.partition("/")
    entry = find(provider, model)
    return None if entry is None else entry.price()


def _cost(told: Usage, price: Price | None) -> Decimal | None:
    """US dollars by what the provider told; None where it did not tell, or nobody knows."""
    return price.cost(told) if price is not None and told.total_tokens else None


def _estimate(
    model: str, *, input_tokens: int, output_tokens: int, price: Price | None, cost: Decimal | None
) -> Estimate:
    """The most that a call may take; where it has a price of its own, that is the whole cost."""
    after: Decimal | None = Decimal(0)
    if cost is None:
        spent = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        cost = None if price is None else price.cost(spent)
        after = None if cost is None else after
    return Estimate(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        input_cost=cost,
        output_cost=after,
        model=model,
    )
