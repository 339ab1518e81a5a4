"""Names into models: `provider/model`, a GGUF file, the embedded or the scripted model.

`muxi.model` is `model` of this file. The runtime hands keys in; in library use the provider's
environment variable is read when a model is asked for, never at import.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from muxi.core.errors import ConfigError, ModelKeyMissing, UnknownModel
from muxi.models.catalogue import close_names, find, models_of
from muxi.models.model import FREE, Model, ModelProfile, Price
from muxi.models.providers import ALIASES, LONG_TAIL, PROVIDERS, Format, Provider
from muxi.models.retry import Backoff, RetryingModel
from muxi.wire.chat_completions.quirks import Quirks

if TYPE_CHECKING:
    from muxi.models.embedding import Embedder
    from muxi.models.endpoint import Endpoint
    from muxi.models.picture import PictureModel
    from muxi.models.reranking import Reranker
    from muxi.models.voice import Speaker, Transcriber

_INSIDE = ("embedded", "scripted")


@dataclass(slots=True, frozen=True, kw_only=True)
class Name:
    """A model's name, taken apart."""

    provider: str
    """A key of `PROVIDERS` or `LONG_TAIL`, or `embedded` or `scripted`."""
    model: str

    @property
    def full(self) -> str:
        return f"{self.provider}/{self.model}"


def parse(name: str) -> Name:
    """`name` as provider and model. A path that ends in `.gguf` belongs to `embedded`.

    Raises:
        UnknownModel: No provider has this name; close ones are named.
    """
    if name.endswith(".gguf"):
        return Name(provider="embedded", model=name)
    head, slash, tail = name.partition("/")
    provider = ALIASES.get(head.lower(), head.lower())
    if provider in _INSIDE:
        return Name(provider=provider, model=tail)
    if slash and tail and (provider in PROVIDERS or provider in LONG_TAIL):
        return Name(provider=provider, model=tail)
    raise UnknownModel(f"There is no model {name!r}.", hint=_suggest(name), model=name)


def model(
    name: str,
    *,
    key: str | None = None,
    base_url: str | None = None,
    headers: Mapping[str, str] | None = None,
    format: Format | None = None,
    quirks: Quirks | None = None,
    api_version: str | None = None,
    timeout: float | None = None,
    price: Price | None = None,
    context_tokens: int | None = None,
    output_tokens: int | None = None,
    takes: Collection[str] | None = None,
    backoff: Backoff | None = None,
) -> Model:
    """The model that `name` names, ready to be asked. No connection is opened yet.

    Args:
        name: `provider/model`, such as `anthropic/claude-sonnet-5`; `embedded`; a GGUF file;
            `scripted/echo`.
        key: The API key; None: the provider's environment variable.
        base_url: Address of the API; with it, `openai/...` means any server that speaks chat
            completions.
        headers: Further headers of every request.
        format: The wire format, where it is not the provider's usual one.
        quirks: The dialect of chat completions, where the table does not know the server's.
        api_version: Azure's `api-version`; None for its versionless address.
        timeout: Seconds between two pieces of an answer.
        price: What it costs, where the catalogue does not know or is wrong.
        context_tokens: Tokens that fit into its context, likewise.
        output_tokens: Longest answer in tokens, likewise.
        takes: What it takes beside text, of `image`, `audio` and `file`, likewise.
        backoff: When to ask again; `Backoff(attempts=1)` for never.

    Raises:
        UnknownModel: No provider has this name; close ones are named.
        ModelKeyMissing: The provider needs a key and there is none.
        ConfigError: The provider has no address of its own and none is given.
        MissingExtra: The provider is reached through a library that is not installed.
    """
    parsed = parse(name)
    if parsed.provider in _INSIDE:
        return _inside(parsed, name)
    told = {"price": price, "context_tokens": context_tokens, "output_tokens": output_tokens}
    profile = _profile(parsed, told, takes)
    if parsed.provider in LONG_TAIL:
        from muxi.models.long_tail import LongTailModel

        inner: Model = LongTailModel(parsed.full, profile, key=key, base_url=base_url)
    else:
        address, spoken, dialect = _speech(parsed, base_url, format, quirks, api_version)
        endpoint = _endpoint(
            parsed, address, key, headers=headers, timeout=timeout, api_version=api_version
        )
        inner = _hosted(parsed, endpoint, profile, spoken, dialect)
    return RetryingModel(inner, backoff)


def embedder(
    name: str = "embedded",
    *,
    key: str | None = None,
    base_url: str | None = None,
    headers: Mapping[str, str] | None = None,
    dimensions: int | None = None,
) -> Embedder:
    """The embedding model that `name` names.

    Args:
        name: `provider/model`; `embedded` or `embedded/wordllama-256` for the table of words;
            `embedded/all-MiniLM-L6-v2`.
        key: The API key; None: the provider's environment variable.
        base_url: Address of the API, where it is not the provider's own.
        headers: Further headers of every request.
        dimensions: Width of the vectors, where the catalogue does not know, or a shorter one that
            the provider is to cut them to.

    Raises:
        UnknownModel: No provider of embeddings has this name.
        ModelKeyMissing: The provider needs a key and there is none.
    """
    parsed = parse(name)
    if parsed.provider == "embedded":
        return _embedded_embedder(parsed.model, name)
    provider = PROVIDERS.get(parsed.provider)
    if provider is None or not provider.embeddings:
        raise UnknownModel(
            f"{parsed.provider} has no embedding models that muxi can use.",
            hint="`embedded`, `openai/...`, `google/...` and compatible servers have.",
            model=name,
        )
    entry = find(parsed.provider, parsed.model)
    known = entry.dimensions if entry else None
    address = base_url or _own_address(provider)
    if parsed.provider == "azure":
        address = _azure_address(address, parsed.model, None)
    endpoint = _endpoint(parsed, address, key, headers=headers)
    from muxi.models.embeddings import GoogleEmbedder, OpenAIEmbedder

    kind = GoogleEmbedder if provider.format == "gemini" else OpenAIEmbedder
    return kind(parsed.full, endpoint, dimensions=dimensions or known, cut=dimensions is not None)


def picture_model(
    name: str, *, key: str | None = None, base_url: str | None = None
) -> PictureModel:
    """The model that makes pictures which `name` names.

    Args:
        name: `provider/model`, of OpenAI, Google, or a provider with OpenAI's format.
        key: The API key; None: the provider's environment variable.
        base_url: Address of the API, where it is not the provider's own.

    Raises:
        UnknownModel: No provider of pictures has this name.
        ModelKeyMissing: The provider needs a key and there is none.
    """
    parsed, endpoint = _specialist(name, "pictures", key=key, base_url=base_url)
    from muxi.models.pictures import GooglePictures, OpenAIPictures

    kind = GooglePictures if _is_google(parsed) else OpenAIPictures
    return kind(parsed.full, endpoint)


def transcriber(name: str, *, key: str | None = None, base_url: str | None = None) -> Transcriber:
    """The model that writes down recordings which `name` names; arguments as `picture_model`.

    Raises:
        UnknownModel: No provider of such models has this name.
        ModelKeyMissing: The provider needs a key and there is none.
    """
    parsed, endpoint = _specialist(name, "transcription", key=key, base_url=base_url)
    from muxi.models.transcription import GoogleTranscriber, OpenAITranscriber

    kind = GoogleTranscriber if _is_google(parsed) else OpenAITranscriber
    return kind(parsed.full, endpoint)


def speaker(name: str, *, key: str | None = None, base_url: str | None = None) -> Speaker:
    """The model that reads aloud which `name` names; arguments as `picture_model`.

    Raises:
        UnknownModel: No provider of such models has this name.
        ModelKeyMissing: The provider needs a key and there is none.
    """
    parsed, endpoint = _specialist(name, "speech", key=key, base_url=base_url)
    from muxi.models.speech import GoogleSpeaker, OpenAISpeaker

    kind = GoogleSpeaker if _is_google(parsed) else OpenAISpeaker
    return kind(parsed.full, endpoint)


def reranker(name: str, *, key: str | None = None, base_url: str | None = None) -> Reranker:
    """The reranker that `name` names.

    Args:
        name: `cohere/...`, `jina/...` or `voyage/...`; with `base_url`, any server that speaks the
            format of the one before the slash.
        key: The API key; None: the provider's environment variable.
        base_url: Address of the API up to `/rerank`.

    Raises:
        UnknownModel: No provider of rerankers has this name.
        ModelKeyMissing: The provider needs a key and there is none.
    """
    from muxi.models.endpoint import Timeouts, shared_endpoint
    from muxi.models.reranking import SERVICES, HostedReranker

    provider, _, model = name.partition("/")
    service = SERVICES.get(provider)
    if service is None or not model:
        raise UnknownModel(
            f"There is no reranker {name!r}.",
            hint=f"Names read `provider/model`, of {', '.join(SERVICES)}.",
            model=name,
        )
    key = key or _from_environment((service.key_env,))
    if key is None and base_url is None:
        raise ModelKeyMissing(
            f"{service.title} needs an API key and none is set.",
            hint=f"Set {service.key_env}.",
            provider=provider,
            env=service.key_env,
        )
    address = base_url or service.base_url
    endpoint = shared_endpoint(
        address,
        provider=provider,
        key=key,
        key_header="Authorization",
        key_prefix="Bearer ",
        headers={},
        query=None,
        timeouts=Timeouts(),
        proxy=_proxy(address),
    )
    return HostedReranker(name, endpoint)


def key_names(provider: str) -> tuple[str, ...]:
    """Names of the environment variables, and so of the secrets, that hold the provider's key."""
    known = PROVIDERS.get(ALIASES.get(provider, provider))
    return known.key_env if known else ()


def _specialist(
    name: str,
    kind: Literal["pictures", "transcription", "speech"],
    *,
    key: str | None,
    base_url: str | None,
) -> tuple[Name, Endpoint]:
    """Where a model listens that is no language model, in OpenAI's format or in Google's."""
    parsed = parse(name)
    provider = PROVIDERS.get(parsed.provider)
    if provider is None or not (getattr(provider, kind) or base_url):
        known = ", ".join(each for each, other in PROVIDERS.items() if getattr(other, kind))
        raise UnknownModel(
            f"{parsed.provider} has no models for {kind} that muxi can use.",
            hint=f"These have: {known}; with a `base_url`, any server of OpenAI's format.",
            model=name,
        )
    address = base_url or _own_address(provider)
    if parsed.provider == "azure":
        address = _azure_address(address, parsed.model, None)
    return parsed, _endpoint(parsed, address, key)


def _is_google(parsed: Name) -> bool:
    return PROVIDERS[parsed.provider].format == "gemini"


def _inside(parsed: Name, name: str) -> Model:
    if parsed.provider == "scripted":
        from muxi.models.scripted import echo_model

        if parsed.model not in ("", "echo"):
            raise UnknownModel(f"There is no model {name!r}.", hint="Did you mean scripted/echo?")
        return echo_model()
    from muxi.models.embedded.model import EmbeddedModel
    from muxi.models.embedded.weights import SMOLLM2

    if parsed.model in ("", "default", "smollm2-135m"):
        return EmbeddedModel()
    path = Path(parsed.model).expanduser()
    if not path.is_file():
        raise UnknownModel(
            f"There is no model file {parsed.model}.",
            hint=f"Give the path of a GGUF file, or `embedded` for {SMOLLM2.name}.",
            model=name,
        )
    return EmbeddedModel(path)


def _embedded_embedder(model: str, name: str) -> Embedder:
    if model in ("", "default", "wordllama-256"):
        from muxi.models.embedded.static import StaticEmbedder

        return StaticEmbedder()
    if model.lower() in ("all-minilm-l6-v2", "minilm"):
        from muxi.models.embedded.minilm import MiniLMEmbedder

        return MiniLMEmbedder()
    raise UnknownModel(
        f"There is no embedding model {name!r}.",
        hint="Did you mean embedded/wordllama-256 or embedded/all-MiniLM-L6-v2?",
        model=name,
    )


def _hosted(
    parsed: Name, endpoint: Endpoint, profile: ModelProfile, format: Format, quirks: Quirks
) -> Model:
    if format == "anthropic":
        from muxi.models.anthropic import AnthropicModel

        return AnthropicModel(parsed.full, endpoint, profile)
    if format == "gemini":
        from muxi.models.gemini import GeminiModel

        return GeminiModel(parsed.full, endpoint, profile)
    if format == "responses":
        from muxi.models.responses import ResponsesModel

        return ResponsesModel(parsed.full, endpoint, profile)
    from muxi.models.chat_completions import ChatCompletionsModel

    return ChatCompletionsModel(parsed.full, endpoint, profile, quirks=quirks)


def _endpoint(
    parsed: Name,
    address: str | None,
    key: str | None,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    api_version: str | None = None,
) -> Endpoint:
    provider = PROVIDERS[parsed.provider]
    if address is None:
        names = " or ".join(provider.base_url_env)
        hint = f"Set {names}, or give `base_url`." if names else "Give `base_url`."
        raise ConfigError(f"{provider.title} has no address of its own.", hint=hint)
    key = key or _from_environment(provider.key_env)
    # A server of one's own seldom asks for a key, whatever provider's name it is known by.
    foreign = provider.base_url is not None and address != provider.base_url
    if key is None and provider.key_needed and not foreign:
        raise ModelKeyMissing(
            f"{provider.title} needs an API key and none is set.",
            hint=f"Set {provider.key_env[0]}, or store the key with "
            f"`muxi models use {parsed.full}`.",
            provider=parsed.provider,
            env=provider.key_env[0],
        )
    from muxi.models.endpoint import Timeouts, shared_endpoint

    return shared_endpoint(
        address,
        provider=parsed.provider,
        key=key,
        key_header=provider.key_header,
        key_prefix=provider.key_prefix,
        headers={**provider.headers, **(headers or {})},
        query={"api-version": api_version} if api_version else None,
        timeouts=Timeouts() if timeout is None else Timeouts(idle=timeout),
        proxy=_proxy(address),
    )


def _profile(parsed: Name, told: Mapping[str, Any], takes: Collection[str] | None) -> ModelProfile:
    """What is known of a model, what was told of it before anything else."""
    provider = PROVIDERS.get(parsed.provider)
    entry = find(parsed.provider, parsed.model)
    known = entry.profile if entry else ModelProfile()
    known = replace(known, **{name: value for name, value in told.items() if value})
    if takes is not None:
        known = replace(
            known, images="image" in takes, audio="audio" in takes, files="file" in takes
        )
    if provider is None:
        return known
    price = known.price or (FREE if provider.local else None)
    return replace(known, price=price, tools=known.tools and provider.tools)


def _speech(
    parsed: Name,
    base_url: str | None,
    format: Format | None,
    quirks: Quirks | None,
    api_version: str | None,
) -> tuple[str | None, Format, Quirks]:
    """Where the provider listens, and what it speaks there."""
    provider = PROVIDERS[parsed.provider]
    address = base_url or _own_address(provider)
    if parsed.provider == "azure":
        address = _azure_address(address, parsed.model, api_version)
    # A server at another address than OpenAI's own seldom speaks more than completions.
    alike = parsed.provider == "openai" and address is not None and "openai.com" not in address
    usual = PROVIDERS["openai-compatible"] if alike else provider
    return address, format or usual.format, quirks or usual.quirks


def _own_address(provider: Provider) -> str | None:
    return _from_environment(provider.base_url_env) or provider.base_url


def _azure_address(address: str | None, deployment: str, api_version: str | None) -> str | None:
    """The address of a deployment, made of the resource's unless it is given in full."""
    if address is None or "/openai" in address:
        return address
    base = address.rstrip("/")
    return f"{base}/openai/deployments/{deployment}" if api_version else f"{base}/openai/v1"


def _proxy(address: str) -> str | None:
    """The proxy that this machine's environment names for `address`, as other clients read it."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _from_environment(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def _suggest(name: str) -> str:
    head, slash, tail = name.partition("/")
    found: list[str] = []
    if slash:
        near = get_close_matches(head.lower(), [*PROVIDERS, *ALIASES, *LONG_TAIL, *_INSIDE], n=2)
        found = [f"{ALIASES.get(each, each)}/{tail}" for each in near]
    else:
        near: list[str] = []
        for provider in PROVIDERS:
            if name in {entry.id for entry in models_of(provider)}:
                found.append(f"{provider}/{name}")
            elif provider != "openrouter":
                near += [f"{provider}/{each}" for each in close_names(provider, name)[:1]]
        found = found[:2] or get_close_matches(name, near, n=3, cutoff=0.3)
    if found:
        return f"Did you mean {' or '.join(dict.fromkeys(found))}?"
    return "Names read `provider/model`; `muxi models list` shows what is known."
