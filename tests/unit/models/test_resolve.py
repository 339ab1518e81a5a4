from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import muxi
from muxi.core.errors import ConfigError, MissingExtra, ModelKeyMissing, UnknownModel
from muxi.core.messages import user_message
from muxi.core.requests import ModelRequest
from muxi.models.anthropic import AnthropicModel
from muxi.models.chat_completions import ChatCompletionsModel
from muxi.models.embedded.minilm import MiniLMEmbedder
from muxi.models.embedded.model import EmbeddedModel
from muxi.models.embedded.static import StaticEmbedder
from muxi.models.gemini import GeminiModel
from muxi.models.hosted import HostedModel
from muxi.models.model import FREE, Model, Price
from muxi.models.providers import ALIASES, PROVIDERS
from muxi.models.resolve import embedder, key_names, model
from muxi.models.responses import ResponsesModel
from muxi.models.retry import Backoff, RetryingModel
from tests.support.provider import serve, status


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch):
    for provider in PROVIDERS.values():
        for name in (*provider.key_env, *provider.base_url_env):
            monkeypatch.delenv(name, raising=False)


def inner(resolved: Model) -> HostedModel:
    assert isinstance(resolved, RetryingModel)
    assert isinstance(resolved.inner, HostedModel)
    return resolved.inner


@pytest.mark.parametrize(
    ("name", "kind", "address"),
    [
        ("openai/gpt-4o", ResponsesModel, "https://api.openai.com/v1"),
        ("anthropic/claude-sonnet-5", AnthropicModel, "https://api.anthropic.com/v1"),
        ("google/gemini-2.5-pro", GeminiModel, "https://generativelanguage.googleapis.com/v1beta"),
        ("gemini/gemini-2.5-pro", GeminiModel, "https://generativelanguage.googleapis.com/v1beta"),
        ("groq/llama-3.3-70b-versatile", ChatCompletionsModel, "https://api.groq.com/openai/v1"),
        (
            "openrouter/anthropic/claude-sonnet-5",
            ChatCompletionsModel,
            "https://openrouter.ai/api/v1",
        ),
        ("ollama/qwen3:8b", ChatCompletionsModel, "http://localhost:11434/v1"),
    ],
)
def test_a_name_becomes_a_model_of_its_provider(name: str, kind: type, address: str):
    found = inner(model(name, key="k"))
    assert isinstance(found, kind)
    assert found._endpoint.base_url == address


def test_the_model_is_the_public_one():
    assert muxi.model is model


def test_a_server_of_ones_own_speaks_chat_completions_and_needs_no_key():
    found = inner(model("openai/anything", base_url="http://localhost:9/v1"))
    assert isinstance(found, ChatCompletionsModel)
    assert found.profile.price is None
    other = inner(model("openai-compatible/org/name", base_url="http://localhost:9/v1"))
    assert other.model == "org/name"
    forced = model("openai/x", base_url="http://localhost:9/v1", format="responses")
    assert isinstance(inner(forced), ResponsesModel)


def test_a_key_is_read_from_the_environment_when_it_is_needed(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ModelKeyMissing) as caught:
        model("mistral/mistral-large-latest")
    assert caught.value.details == {"provider": "mistral", "env": "MISTRAL_API_KEY"}
    assert "MISTRAL_API_KEY" in (caught.value.hint or "")
    monkeypatch.setenv("MISTRAL_API_KEY", "sk-env")
    assert inner(model("mistral/mistral-large-latest")).name == "mistral/mistral-large-latest"
    assert key_names("gemini") == ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    assert key_names("nobody") == ()


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("claude-sonnet-5", "anthropic/claude-sonnet-5"),
        ("anthropc/claude-sonnet-5", "anthropic/claude-sonnet-5"),
        ("zzzzzz", "muxi models list"),
        ("openai/", "openai"),
        ("scripted/other", "scripted/echo"),
        ("embedded/no-such-file", "embedded"),
        ("no/such/file.gguf", "GGUF"),
    ],
)
def test_a_name_that_nobody_knows_brings_close_ones(name: str, suggested: str):
    with pytest.raises(UnknownModel) as caught:
        model(name, key="k")
    assert suggested in (caught.value.hint or "")


def test_what_the_caller_knows_goes_before_the_catalogue():
    price = Price(input=Decimal(1), output=Decimal(2))
    found = model("openai/gpt-4o", key="k", price=price, context_tokens=10, output_tokens=5)
    assert (found.profile.price, found.profile.context_tokens) == (price, 10)
    assert found.profile.output_tokens == 5


def test_a_model_on_ones_own_machine_costs_nothing():
    assert model("ollama/qwen3").profile.price == FREE
    assert model("vllm/x").profile.price == FREE


def test_perplexity_takes_no_tools():
    assert not model("perplexity/sonar", key="k").profile.tools


@pytest.mark.parametrize(
    ("base", "version", "address"),
    [
        ("https://r.openai.azure.com/", None, "https://r.openai.azure.com/openai/v1"),
        (
            "https://r.openai.azure.com",
            "2024-10-21",
            "https://r.openai.azure.com/openai/deployments/mine",
        ),
        ("https://gate/openai/deployments/x", None, "https://gate/openai/deployments/x"),
    ],
)
def test_azure_is_addressed_by_its_deployment(base: str, version: str | None, address: str):
    found = inner(model("azure/mine", key="k", base_url=base, api_version=version))
    assert found._endpoint.base_url == address


async def test_azure_gets_its_key_and_version_where_it_wants_them():
    async with serve(status(400, {})) as upstream:
        base = upstream.url.removesuffix("/v1")
        found = model(
            "azure/mine",
            key="k-123",
            base_url=base,
            api_version="2024-10-21",
            headers={"X-Extra": "1"},
        )
        with pytest.raises(muxi.MuxiError):
            [event async for event in found.stream(ModelRequest(messages=[user_message("hi")]))]
        (request,) = upstream.requests
        assert request.path == "/openai/deployments/mine/chat/completions"
        assert request.query["api-version"] == "2024-10-21"
        assert request.headers["api-key"] == "k-123"
        assert request.headers["X-Extra"] == "1"
        assert "Authorization" not in request.headers
        await found.close()


def test_a_provider_without_an_address_asks_for_one():
    with pytest.raises(ConfigError, match="address") as caught:
        model("azure/mine", key="k")
    assert "AZURE_OPENAI_ENDPOINT" in (caught.value.hint or "")


def test_the_embedded_model_and_files_need_nothing(tmp_path: Path):
    assert isinstance(model("embedded"), EmbeddedModel)
    assert isinstance(model("embedded/smollm2-135m"), EmbeddedModel)
    file = tmp_path / "some.gguf"
    file.write_bytes(b"GGUF")
    assert model(str(file)).name == "embedded/some"
    assert model("scripted/echo").name == "scripted/echo"


def test_retries_are_those_that_are_asked_for():
    found = model("ollama/x", backoff=Backoff(attempts=7))
    assert isinstance(found, RetryingModel)
    assert found.backoff.attempts == 7


def test_the_long_tail_names_its_extra_when_it_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="litellm"):
        model("bedrock/amazon.nova-pro-v1:0")


def test_embedders_are_found_by_name():
    assert isinstance(embedder(), StaticEmbedder)
    assert isinstance(embedder("embedded/all-MiniLM-L6-v2"), MiniLMEmbedder)
    assert embedder("openai/text-embedding-3-small", key="k").dimensions == 1536
    assert embedder("openai/text-embedding-3-small", key="k", dimensions=256).dimensions == 256
    for name in ("anthropic/claude-sonnet-5", "embedded/none", "scripted/echo"):
        with pytest.raises(UnknownModel):
            embedder(name, key="k")


def test_the_table_is_sound():
    assert set(ALIASES.values()) <= set(PROVIDERS)
    for name, provider in PROVIDERS.items():
        assert name == name.lower()
        assert provider.key_env
        options: dict[str, Any] = {"key": "k"}
        if provider.base_url is None:
            options["base_url"] = "http://localhost:1/v1"
        assert asyncio.run(model(f"{name}/m", **options).close()) is None


def test_the_proxy_of_the_environment_is_used_but_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "api.groq.com")
    proxies = {
        name: inner(model(name, key="k"))._endpoint._proxy
        for name in ("openai/m", "groq/m", "ollama/m")
    }
    assert proxies == {"openai/m": "http://proxy:3128", "groq/m": None, "ollama/m": None}
