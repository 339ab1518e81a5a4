"""The provider that serves the composed streams, and the SDKs that read from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from muxi.core.events import ModelEvent
from muxi.core.messages import Message, TextPart
from muxi.core.requests import ModelRequest
from muxi.models.anthropic import AnthropicModel
from muxi.models.chat_completions import ChatCompletionsModel
from muxi.models.endpoint import Endpoint
from muxi.models.gemini import GeminiModel
from muxi.models.model import Model
from muxi.models.responses import ResponsesModel

from .provider import provider

if TYPE_CHECKING:
    from .sdk import Sdks

MODELS: dict[str, Callable[[str, Endpoint], Model]] = {
    "chat_completions": ChatCompletionsModel,
    "responses": ResponsesModel,
    "anthropic": AnthropicModel,
    "gemini": GeminiModel,
}

Ask = Callable[..., "AsyncIterator[ModelEvent]"]


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with provider() as base:
        yield base


@pytest.fixture(scope="session")
def sdks(url: str) -> Iterator[Sdks]:
    # Importing the SDKs takes seconds, which only those tests pay that compare with them.
    from .sdk import Sdks

    clients = Sdks(url)
    yield clients
    clients.close()


@pytest.fixture
async def ask(url: str) -> AsyncIterator[Ask]:
    """Asks our model of a format for the stream of a case."""
    endpoints: list[Endpoint] = []

    async def stream(format_: str, name: str, size: int = 0) -> AsyncIterator[ModelEvent]:
        endpoint = Endpoint(
            f"{url}/{format_}", provider=format_, key="k", headers={"X-Pieces": str(size)}
        )
        endpoints.append(endpoint)
        model = MODELS[format_](f"{format_}/{name}", endpoint)
        message = Message(role="user", parts=[TextPart(text="Hi")])
        async for event in model.stream(ModelRequest(messages=[message])):
            yield event

    yield stream
    for endpoint in endpoints:
        await endpoint.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-sdk-behaviour",
        action="store_true",
        help="write down anew what the SDKs do with broken streams",
    )
