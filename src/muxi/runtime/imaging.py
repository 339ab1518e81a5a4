"""Pictures for tools: asks the project's models to make them and to look at them.

Implements `core.imaging.Imaging`; made by `build`. What a model takes counts as the run's own.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal

from muxi.core.errors import ModelRejected, PriceUnknown
from muxi.core.events import ResponseCompleted
from muxi.core.imaging import PictureOrder
from muxi.core.messages import ImagePart, RefusalPart, TextPart, user_message
from muxi.core.ports import Context
from muxi.core.requests import ModelRequest
from muxi.runtime.blobs import Blobs
from muxi.runtime.models import Models
from muxi.runtime.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelImaging:
    """The models of one project, as makers and readers of pictures."""

    models: Models
    blobs: Blobs

    async def make(
        self, ctx: Context, order: PictureOrder, *, model: str, price: Decimal | None
    ) -> ImagePart:
        """See `core.imaging.Imaging`."""
        if price is None and ctx.limits.cost is not None:
            raise PriceUnknown(
                f"A picture of {model} has no known price, and this run has a limit of cost.",
                hint="Write what a picture costs, in US dollars, as `tools.images.price`.",
            )
        maker = await self.models.picture_model(model)
        picture, usage = await maker.make(order)
        usage.cost = price
        ctx.usage.add(usage)
        return picture

    async def look(
        self, ctx: Context, picture: ImagePart, question: str, *, model: str | None
    ) -> str:
        """See `core.imaging.Imaging`."""
        seeing = await self.models.live(model)
        if seeing.profile.images is False:
            raise ModelRejected(
                f"{seeing.name} does not see pictures.",
                hint="Name a model that does as `tools.images.seeing`.",
            )
        request = ModelRequest(messages=[user_message([picture, TextPart(text=question)])])
        said: list[str] = []
        async with aclosing(seeing.stream(request)) as events:
            async for event in events:
                if isinstance(event, ResponseCompleted):
                    ctx.usage.add(event.usage)
                    said = [p.text for p in event.parts if isinstance(p, TextPart | RefusalPart)]
        return "".join(said)

    async def with_bytes(self, ctx: Context, picture: ImagePart) -> ImagePart:
        """See `core.imaging.Imaging`."""
        who = Principal(ctx.tenant, ctx.user or None)
        return (await self.blobs.take_up_parts(who, [picture]))[0]
