"""Pictures for tools: asks the project's models to make them and to look at them.

Implements `core.imaging.Imaging`; made by `build`. What a model takes counts as the run's own.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from muxi.core.errors import ModelRejected, PriceUnknown
from muxi.core.events import ResponseCompleted
from muxi.core.imaging import PictureOrder
from muxi.core.messages import ImagePart, RefusalPart, TextPart, user_message
from muxi.core.ports import Context, Estimate
from muxi.core.requests import ModelRequest
from muxi.core.usage import Usage
from muxi.identity.ledger import BudgetLedger
from muxi.models.estimate import estimate
from muxi.runtime.blobs import Blobs
from muxi.runtime.models import Models
from muxi.runtime.principal import Principal
from muxi.runtime.reserving import Reserved, reserved

if TYPE_CHECKING:
    from muxi.models.model import Model

_PICTURE = 8_192
"""Tokens that a picture is made of, at the most."""
_WORDS = (TextPart, RefusalPart)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelImaging:
    """The models of one project, as makers and readers of pictures."""

    models: Models
    blobs: Blobs
    ledger: BudgetLedger

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
        most = Estimate(output_tokens=_PICTURE, input_cost=price, model=model)
        async with reserved(self.ledger, ctx, lambda: most) as call:
            call.usage = Usage(requests=1)
            picture, call.usage = await maker.make(order)
            call.usage.cost = price
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
        async with reserved(self.ledger, ctx, lambda: estimate(seeing, request)) as call:
            return await _said(seeing, request, call)

    async def with_bytes(self, ctx: Context, picture: ImagePart) -> ImagePart:
        """See `core.imaging.Imaging`."""
        who = Principal(ctx.tenant, ctx.user or None)
        return (await self.blobs.take_up_parts(who, [picture]))[0]


async def _said(model: Model, request: ModelRequest, call: Reserved) -> str:
    """The model's answer, within what it may take."""
    # A call that fails is not known to have cost anything.
    call.usage = Usage(requests=1)
    most = call.reservation.output_tokens
    if most is not None:
        request.settings = request.settings.model_copy(update={"max_tokens": most})
    text = ""
    async with aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, ResponseCompleted):
                call.usage = event.usage
                said = [part.text for part in event.parts if isinstance(part, _WORDS)]
                text = "".join(said)
                cut = event.stop_reason == "length" and most is not None
                if cut and call.reservation.exceeded is not None:
                    raise call.reservation.exceeded
    return text
