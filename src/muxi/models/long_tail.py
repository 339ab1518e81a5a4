"""The providers that muxi does not speak to itself, through the library litellm.

It is an extra, `muxi[litellm]`, because it weighs more than all of muxi's own dependencies that
talk to models. It takes and gives chat completions, which our own encoder and decoder know.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import msgspec

from muxi.core.errors import MissingExtra, ModelConnectionError, ModelError, ModelTimeout
from muxi.core.events import ModelEvent, ResponseCompleted
from muxi.core.messages import Message
from muxi.core.requests import ModelRequest
from muxi.models.endpoint import Secret
from muxi.models.model import ModelProfile
from muxi.models.tokens import TokenEstimate
from muxi.wire.chat_completions.answer import ChatDecoder
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.chat_completions.request import MEDIA, RequestEncoder
from muxi.wire.encoded import to_json
from muxi.wire.failures import failure, read_complaint
from muxi.wire.sse import SseEvent

_QUIRKS = Quirks()
_IDLE = 180.0


class LongTailModel:
    """One model behind litellm.

    Args:
        name: `provider/model`, as litellm writes it too.
        profile: What is known of the model.
        key: The API key; None: litellm reads what the provider's own tools read.
        base_url: Address of the API, where it is not the provider's own.

    Raises:
        MissingExtra: The library is not installed.
    """

    def __init__(
        self,
        name: str,
        profile: ModelProfile | None = None,
        *,
        key: str | None = None,
        base_url: str | None = None,
        **options: Any,
    ) -> None:
        if importlib.util.find_spec("litellm") is None:
            raise MissingExtra(
                f"{name} is reached through litellm, which is not installed.",
                hint="pip install 'muxi[litellm]'",
            )
        self._name = name
        self._profile = replace(profile or ModelProfile(), media=MEDIA)
        self._key = Secret(key) if key else None
        self._options = {"api_base": base_url, **options} if base_url else options
        self._encoder = RequestEncoder(name, _QUIRKS)
        self._tokens = TokenEstimate()

    @property
    def name(self) -> str:
        return self._name

    @property
    def profile(self) -> ModelProfile:
        return self._profile

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `muxi.models.model.Model`."""
        provider, _, model = self._name.partition("/")
        decoder = ChatDecoder(provider=provider, model=model, quirks=_QUIRKS)
        chunks: Any = None
        problem: ModelError | None = None
        try:
            chunks = await self._ask(request)
            async for event in self._events(chunks, decoder, request):
                yield event
        except ModelError as error:
            problem = error
        except Exception as error:  # noqa: BLE001 -- the library raises its own errors, httpx's and those of other SDKs
            problem = self._problem(error)
        finally:
            # Its stream is an iterator, not a generator, and some of its kinds cannot be closed.
            if chunks is not None and hasattr(chunks, "aclose"):
                await chunks.aclose()
        if problem is not None:
            raise self._explained(problem)

    async def _ask(self, request: ModelRequest) -> Any:
        litellm = await asyncio.to_thread(_library)
        arguments: dict[str, Any] = msgspec.json.decode(self._encoder.encode(request))
        if self._key is not None:
            arguments["api_key"] = self._key.reveal()
        return await litellm.acompletion(
            **arguments,
            **self._options,
            timeout=request.settings.timeout or _IDLE,
            max_retries=0,
            drop_params=True,
        )

    async def _events(
        self, chunks: Any, decoder: ChatDecoder, request: ModelRequest
    ) -> AsyncGenerator[ModelEvent]:
        async for chunk in chunks:
            data = to_json(chunk.model_dump(mode="json", exclude_none=True))
            for event in decoder.feed(SseEvent("message", data)):
                yield event
        if not decoder.done:
            for event in decoder.end():
                if isinstance(event, ResponseCompleted):
                    self._tokens.settle(request, event, self._profile.price)
                yield event

    def _problem(self, error: Exception) -> ModelError:
        name = type(error).__name__
        if "Timeout" in name:
            return ModelTimeout()
        if "Connection" in name:
            return ModelConnectionError()
        status = getattr(error, "status_code", None)
        words = getattr(error, "message", None) or str(error)
        code = isinstance(status, int) and 400 <= status < 600
        return failure(read_complaint({"message": words}), status=status if code else None)

    def _explained(self, error: ModelError) -> ModelError:
        message = f"{self._name}: {error.message}"
        if self._key is not None:
            message = message.replace(self._key.reveal(), "***")
        error.message = message
        error.args = (message,)
        error.details.setdefault("model", self._name)
        error.details.setdefault("provider", self._name.partition("/")[0])
        return error

    def count(self, *messages: Message) -> int:
        return self._tokens.count(*messages)

    def count_text(self, text: str) -> int:
        return self._tokens.count_text(text)

    async def close(self) -> None:
        """Nothing is held open here: the library keeps its own connections."""


def _library() -> Any:
    # Otherwise it fetches a list of prices from the internet when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm: Any = importlib.import_module("litellm")
    # Otherwise it prints advice on standard output beside each error.
    litellm.suppress_debug_info = True
    return litellm
