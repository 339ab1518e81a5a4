"""The tools `images`: a model makes pictures, changes them, or says what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import Field

from muxi.config.service_tool_settings import ImagesTool
from muxi.core.errors import ModelError, ToolArgumentsInvalid, ToolFailed
from muxi.core.imaging import Imaging, PictureOrder, Shape, picture_type
from muxi.core.manifests import Permissions, ToolCost, ToolManifest
from muxi.core.messages import ImagePart, TextPart, ToolContent
from muxi.core.ports import Context
from muxi.tools.builtin.rooted import root_of, shown
from muxi.tools.builtin.said_media import newest_first
from muxi.tools.builtin.setup import Setup
from muxi.tools.builtin.sources import Sources
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="images",
    version="1.0.0",
    summary="Makes pictures, changes them, and says what is in them, with models of your choice.",
    tools=ImagesTool.functions,
    permissions=Permissions(files="read", network=("*",)),
    cost=ToolCost(usd_per_call=None, note="What the model costs; `price` says it for pictures."),
    live=False,
    notes=(
        "Pictures are made only if `model` names who makes them, such as `openai/gpt-image-1` or"
        " `google/gemini-2.5-flash-image`; the models' own keys are used. The embedded model does"
        " not see: name one that does as `seeing`."
    ),
)

_MAKING: Examples = (
    ("Draw a red bicycle in the rain", {"prompt": "A red bicycle in the rain"}),
    (
        "Make a wide picture of a harbour at dawn",
        {"prompt": "A harbour at dawn", "shape": "landscape"},
    ),
)
_CHANGING: Examples = (
    ("Make the sky in it green", {"prompt": "Make the sky green"}),
    (
        "Put a hat on the cat in cat.png",
        {"prompt": "Put a hat on the cat", "images": ["cat.png"]},
    ),
)
_LOOKING: Examples = (
    ("What is written on sign.jpg?", {"question": "What is written on it?", "image": "sign.jpg"}),
    (
        "How many people are in https://example.org/team.png?",
        {"question": "How many people are there?", "image": "https://example.org/team.png"},
    ),
)
_MOST: Final = 8

Prompt = Annotated[str, Field(min_length=1, max_length=30_000)]
Source = Annotated[str, Field(min_length=1, max_length=4_000)]


def images_tools(settings: ImagesTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tools for pictures of a project."""
    sources = Sources(settings, root_of(settings.root, setup), "image/*")
    gallery = _Gallery(sources, setup.imaging)
    looking = _looking(settings, gallery).changed(timeout=settings.timeout)
    if settings.model is None:
        return [looking]
    made = _making(settings.model, settings.price, gallery)
    made = [each.changed(timeout=settings.timeout, approval=settings.approval) for each in made]
    return [*made, looking]


@dataclass(frozen=True, slots=True)
class _Gallery:
    """Where pictures come from, and who makes them."""

    sources: Sources
    imaging: Imaging | None

    def models(self) -> Imaging:
        if self.imaging is None:
            raise ToolFailed("Pictures can be made and seen in a project only.")
        return self.imaging

    async def picture(self, ctx: Context, source: str | None) -> ImagePart:
        """The picture in a file, at an address, or the newest of the conversation.

        Raises:
            ToolError: There is none, it is none, or it is too large.
        """
        if source is None:
            newest = next(newest_first(ctx, ImagePart), None)
            if newest is None:
                raise ToolArgumentsInvalid(
                    "There is no picture in this conversation.", hint="Name a file or an address."
                )
            part = await self.models().with_bytes(ctx, newest)
            return await self._fetched(part.url, part.name) if part.url else part
        data, name = await self.sources.fetched(source)
        return self._as_picture(data, name or "picture")

    async def _fetched(self, url: str, name: str | None) -> ImagePart:
        data, found = await self.sources.fetched(url)
        return self._as_picture(data, name or found or "picture")

    def _as_picture(self, data: bytes, name: str) -> ImagePart:
        media_type = picture_type(data)
        if media_type is None:
            raise ToolArgumentsInvalid(
                f"`{shown(name[:80])}` is no picture.", hint="PNG, JPEG, GIF and WebP can be read."
            )
        return ImagePart(media_type=media_type, data=data, name=name[:200])


def _making(model: str, price: Decimal | None, gallery: _Gallery) -> list[FunctionTool[..., Any]]:
    async def ordered(ctx: Context, order: PictureOrder) -> list[ToolContent]:
        try:
            made = await gallery.models().make(ctx, order, model=model, price=price)
        except ModelError as error:
            raise ToolFailed(error.message, hint=error.hint) from error
        words = " ".join(order.prompt.split())
        name = f"{words[:60].replace('/', '-')}.{made.media_type.rpartition('/')[2]}"
        told = TextPart(text="The picture is made, and the user sees it.")
        return [made.model_copy(update={"name": name}), told]

    @tool(
        title="Make a picture",
        read_only=False,
        destructive=False,
        open_world=True,
        examples=_MAKING,
    )
    async def make_image(
        ctx: Context, prompt: Prompt, shape: Shape | None = None
    ) -> list[ToolContent]:
        """Make a new picture from a description and show it to the user.

        Args:
            prompt: What the picture shows, and in what manner.
            shape: How it lies; leave it out if nothing was said of that.
        """
        return await ordered(ctx, PictureOrder(prompt=prompt, shape=shape))

    @tool(
        title="Change a picture",
        read_only=False,
        destructive=False,
        open_world=True,
        examples=_CHANGING,
    )
    async def change_image(
        ctx: Context,
        prompt: Prompt,
        images: Annotated[list[Source], Field(min_length=1, max_length=_MOST)] | None = None,
        shape: Shape | None = None,
    ) -> list[ToolContent]:
        """Make a picture from others: change one, or put several together.

        Args:
            prompt: What is to be different, or how they go together.
            images: Files or web addresses; leave it out for the conversation's newest picture.
            shape: How the new picture lies; leave it out to keep it.
        """
        sources = [await gallery.picture(ctx, each) for each in images or [None]]
        return await ordered(ctx, PictureOrder(prompt=prompt, shape=shape, sources=sources))

    return [make_image, change_image]


def _looking(settings: ImagesTool, gallery: _Gallery) -> FunctionTool[..., Any]:
    @tool(
        title="Look at a picture",
        read_only=True,
        destructive=False,
        open_world=settings.web,
        idempotent=True,
        examples=_LOOKING,
    )
    async def look_at_image(
        ctx: Context,
        question: Annotated[str, Field(min_length=1, max_length=10_000)],
        image: Source | None = None,
    ) -> str:
        """Say what is in a picture: things, people, text, charts.

        Args:
            question: What to find out about it.
            image: A file or a web address; leave it out for the conversation's newest picture.
        """
        picture = await gallery.picture(ctx, image)
        try:
            said = await gallery.models().look(ctx, picture, question, model=settings.seeing)
        except ModelError as error:
            raise ToolFailed(error.message, hint=error.hint) from error
        return said or "The model said nothing about it."

    return look_at_image
