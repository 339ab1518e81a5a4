"""The tools `audio`: a model writes down what is said in recordings, or reads a text aloud."""

from __future__ import annotations

from contextlib import aclosing
from typing import Annotated, Any, Final

from pydantic import Field

from muxi.config.service_tool_settings import AudioTool
from muxi.core.errors import ModelError, NotFound, ToolArgumentsInvalid, ToolFailed
from muxi.core.manifests import Permissions, ToolCost, ToolManifest
from muxi.core.messages import AudioPart, TextPart, ToolContent
from muxi.core.ports import Context
from muxi.core.voice import SPEECH_TYPES, Recording, Voice
from muxi.tools.builtin.rooted import root_of
from muxi.tools.builtin.said_media import newest_first
from muxi.tools.builtin.setup import Setup
from muxi.tools.builtin.sources import Sources
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="audio",
    version="1.0.0",
    summary="Writes down what is said in recordings, and reads texts aloud.",
    tools=AudioTool.functions,
    permissions=Permissions(files="read", network=("*",)),
    cost=ToolCost(usd_per_call=None, note="What the models cost; `media` in muxi.yaml says it."),
    live=False,
    notes=(
        "The models are those of the section `media`: `transcription` such as"
        " `openai/gpt-4o-mini-transcribe`, and `speech` such as `openai/gpt-4o-mini-tts`."
    ),
)

_HEARING: Examples = (
    ("What do I say in memo.mp3?", {"recording": "memo.mp3"}),
    (
        "Write down https://example.org/talk.mp3, which is in German",
        {"recording": "https://example.org/talk.mp3", "language": "de"},
    ),
)
_SPEAKING: Examples = (
    ("Say good morning", {"text": "Good morning!"}),
    (
        "Read this to me slowly and calmly: the sea is quiet",
        {"text": "The sea is quiet.", "manner": "Slowly and calmly"},
    ),
)
_TYPES: Final = {
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "webm": "audio/webm",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "aac": "audio/aac",
}


def audio_tools(settings: AudioTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tools for recordings and speech of a project."""
    sources = Sources(settings, root_of(settings.root, setup), "audio/*")
    made = [_hearing(settings, sources, setup.voice), _speaking(setup.voice)]
    most = settings.max_text + 1_000
    return [each.changed(timeout=settings.timeout, max_bytes=most) for each in made]


def _hearing(settings: AudioTool, sources: Sources, voice: Voice | None) -> FunctionTool[..., Any]:
    @tool(
        title="Write down a recording",
        read_only=True,
        destructive=False,
        open_world=True,
        idempotent=True,
        examples=_HEARING,
    )
    async def transcribe_audio(
        ctx: Context,
        recording: Annotated[str, Field(min_length=1, max_length=4_000)] | None = None,
        language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None,
    ) -> str:
        """Write down every word that is said in a recording, with times where they are known.

        Args:
            recording: A file or a web address; leave it out for the conversation's newest one.
            language: What is spoken, as a code such as `en`; leave it out if you do not know.
        """
        models = _models(voice)
        if recording is None:
            part = await _newest(ctx, models)
            data, name, media_type = part.data or b"", part.name, part.media_type
        else:
            data, name = await sources.fetched(recording)
            ending = name.rpartition(".")[2].lower()
            media_type = _TYPES.get(ending, "application/octet-stream")
        order = Recording(data=data, media_type=media_type, name=name, language=language)
        try:
            made = await models.transcribe(ctx, order)
        except (NotFound, ModelError) as error:
            raise ToolFailed(error.message, hint=error.hint) from error
        lines = [f"[{_clock(each.start)}] {each.text}" for each in made.segments]
        text = "\n".join(lines) or made.text
        if len(text) <= settings.max_text:
            return text or "No words are spoken in it."
        return f"{text[: settings.max_text]}\n[The recording is longer; the rest does not fit.]"

    return transcribe_audio


def _speaking(voice: Voice | None) -> FunctionTool[..., Any]:
    @tool(
        title="Read a text aloud",
        read_only=False,
        destructive=False,
        open_world=True,
        examples=_SPEAKING,
    )
    async def speak(
        ctx: Context,
        text: Annotated[str, Field(min_length=1, max_length=4_000)],
        manner: Annotated[str, Field(max_length=1_000)] | None = None,
    ) -> list[ToolContent]:
        """Read a text aloud, so that the user hears it.

        Args:
            text: What is to be said, word for word.
            manner: How, if something was said of that.
        """
        models = _models(voice)
        sound = bytearray()
        try:
            order = models.order(text, manner=manner)
            async with aclosing(models.speak(ctx, order)) as pieces:
                async for piece in pieces:
                    sound += piece
        except (NotFound, ModelError) as error:
            raise ToolFailed(error.message, hint=error.hint) from error
        told = TextPart(text="The speech is made, and the user hears it.")
        made = AudioPart(
            media_type=SPEECH_TYPES[order.format], data=bytes(sound), name=f"speech.{order.format}"
        )
        return [made, told]

    return speak


def _models(voice: Voice | None) -> Voice:
    if voice is None:
        raise ToolFailed("Recordings are written down, and texts read aloud, in a project only.")
    return voice


async def _newest(ctx: Context, models: Voice) -> AudioPart:
    """The newest recording of the conversation, with its bytes."""
    for part in newest_first(ctx, AudioPart):
        if part.url is None:
            return await models.with_bytes(ctx, part)
    raise ToolArgumentsInvalid(
        "There is no recording in this conversation.", hint="Name a file or an address."
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
