"""The providers that muxi speaks to directly: addresses, keys and dialects. Data, no code.

`resolve` makes models of it. Sources beside the entries; a new provider is a new entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from muxi.wire.chat_completions.quirks import Quirks

Format = Literal["chat_completions", "responses", "anthropic", "gemini"]


@dataclass(slots=True, frozen=True, kw_only=True)
class Provider:
    """One provider, by the first half of a model's name."""

    title: str
    """Its name for people."""
    base_url: str | None
    """None: there is none before an account is made, so it must be given."""
    format: Format = "chat_completions"
    key_env: tuple[str, ...] = ()
    """Environment variables that hold the key; also the names of the secret. The first is shown."""
    key_needed: bool = True
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    headers: dict[str, str] = field(default_factory=dict[str, str])
    quirks: Quirks = field(default_factory=Quirks)
    local: bool = False
    """Whether it runs on hardware of the user, so that tokens cost nothing."""
    tools: bool = True
    """Whether its models take tools."""
    embeddings: bool = False
    """Whether it has embedding models in OpenAI's or Google's format."""
    pictures: bool = False
    """Whether it has models that make pictures in OpenAI's or Google's format."""
    transcription: bool = False
    """Whether it has models that write down recordings, likewise."""
    speech: bool = False
    """Whether it has models that read aloud, likewise."""
    base_url_env: tuple[str, ...] = ()
    """Environment variables that replace `base_url` in library use."""


_OPENAI = Quirks(max_tokens="max_completion_tokens", strict_tools=True)

PROVIDERS: dict[str, Provider] = {
    # https://platform.openai.com/docs/api-reference
    "openai": Provider(
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        base_url_env=("OPENAI_BASE_URL",),
        format="responses",
        key_env=("OPENAI_API_KEY",),
        quirks=_OPENAI,
        embeddings=True,
        pictures=True,
        transcription=True,
        speech=True,
    ),
    # https://platform.claude.com/docs/en/api/messages
    "anthropic": Provider(
        title="Anthropic",
        base_url="https://api.anthropic.com/v1",
        base_url_env=("ANTHROPIC_BASE_URL",),
        format="anthropic",
        key_env=("ANTHROPIC_API_KEY",),
        key_header="x-api-key",
        key_prefix="",
    ),
    # https://ai.google.dev/api/generate-content
    "google": Provider(
        title="Google Gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        format="gemini",
        key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        key_header="x-goog-api-key",
        key_prefix="",
        embeddings=True,
        pictures=True,
        transcription=True,
        speech=True,
    ),
    # https://learn.microsoft.com/azure/ai-foundry/openai/reference
    "azure": Provider(
        title="Azure OpenAI",
        base_url=None,
        base_url_env=("AZURE_OPENAI_ENDPOINT",),
        key_env=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
        key_header="api-key",
        key_prefix="",
        quirks=_OPENAI,
        embeddings=True,
        pictures=True,
        transcription=True,
        speech=True,
    ),
    # https://console.groq.com/docs/api-reference; a schema excludes streaming and tools there.
    "groq": Provider(
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        key_env=("GROQ_API_KEY",),
        quirks=Quirks(max_tokens="max_completion_tokens", output="instructions"),
        transcription=True,
        speech=True,
    ),
    # https://docs.mistral.ai/api: unknown fields are refused, usage always comes.
    "mistral": Provider(
        title="Mistral",
        base_url="https://api.mistral.ai/v1",
        key_env=("MISTRAL_API_KEY",),
        quirks=Quirks(
            seed="random_seed",
            stream_usage=False,
            tool_required="any",
            short_call_ids=True,
            replay="chunks",
        ),
        embeddings=True,
        transcription=True,
    ),
    # https://api-docs.deepseek.com/guides/thinking_mode: thoughts beside calls must come back.
    "deepseek": Provider(
        title="DeepSeek",
        base_url="https://api.deepseek.com",
        key_env=("DEEPSEEK_API_KEY",),
        quirks=Quirks(
            output="json_object",
            reasoning="thinking",
            replay="reasoning_content",
            parallel_tools=False,
            seed=None,
        ),
    ),
    # https://docs.x.ai/docs/api-reference
    "xai": Provider(
        title="xAI",
        base_url="https://api.x.ai/v1",
        key_env=("XAI_API_KEY",),
        quirks=Quirks(max_tokens="max_completion_tokens", reasoning_off=None),
        pictures=True,
    ),
    # https://docs.together.ai/reference/chat-completions
    "together": Provider(
        title="Together",
        base_url="https://api.together.ai/v1",
        key_env=("TOGETHER_API_KEY",),
        embeddings=True,
        pictures=True,
        transcription=True,
        speech=True,
    ),
    # https://docs.fireworks.ai/api-reference/post-chatcompletions
    "fireworks": Provider(
        title="Fireworks",
        base_url="https://api.fireworks.ai/inference/v1",
        key_env=("FIREWORKS_API_KEY",),
        embeddings=True,
    ),
    # https://openrouter.ai/docs/api-reference
    "openrouter": Provider(
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        key_env=("OPENROUTER_API_KEY",),
        headers={"X-Title": "muxi"},
        quirks=Quirks(
            reasoning="object",
            replay="reasoning_details",
            cache_marks=("anthropic/", "google/gemini"),
            usage_cost=True,
            file_urls=True,
        ),
        embeddings=True,
    ),
    # https://docs.perplexity.ai/api-reference
    "perplexity": Provider(
        title="Perplexity",
        base_url="https://api.perplexity.ai",
        key_env=("PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"),
        quirks=Quirks(stream_usage=False, seed=None, reasoning_off=None),
        tools=False,
    ),
    # https://inference-docs.cerebras.ai/api-reference/chat-completions
    "cerebras": Provider(
        title="Cerebras",
        base_url="https://api.cerebras.ai/v1",
        key_env=("CEREBRAS_API_KEY",),
        quirks=Quirks(max_tokens="max_completion_tokens"),
    ),
    # https://docs.ollama.com/api/openai-compatibility: a tool cannot be demanded.
    "ollama": Provider(
        title="Ollama",
        base_url="http://localhost:11434/v1",
        key_env=("OLLAMA_API_KEY",),
        key_needed=False,
        local=True,
        quirks=Quirks(parallel_tools=False, tool_named=False),
        embeddings=True,
    ),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    "vllm": Provider(
        title="vLLM",
        base_url="http://localhost:8000/v1",
        key_env=("VLLM_API_KEY",),
        key_needed=False,
        local=True,
        quirks=Quirks(reasoning="template"),
        embeddings=True,
    ),
    # https://lmstudio.ai/docs/app/api/endpoints/openai
    "lmstudio": Provider(
        title="LM Studio",
        base_url="http://localhost:1234/v1",
        key_env=("LM_STUDIO_API_KEY",),
        key_needed=False,
        local=True,
        quirks=Quirks(parallel_tools=False, tool_named=False),
        embeddings=True,
    ),
    # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    "llamacpp": Provider(
        title="llama.cpp",
        base_url="http://localhost:8080/v1",
        key_env=("LLAMA_API_KEY",),
        key_needed=False,
        local=True,
        quirks=Quirks(reasoning="template", tool_named=False),
        embeddings=True,
    ),
    # Anything else that speaks chat completions, at a base URL that is given.
    "openai-compatible": Provider(
        title="OpenAI-compatible server",
        base_url=None,
        key_env=("OPENAI_COMPATIBLE_API_KEY",),
        key_needed=False,
        embeddings=True,
    ),
}

ALIASES: dict[str, str] = {
    "claude": "anthropic",
    "gemini": "google",
    "google-gla": "google",
    "azure-openai": "azure",
    "grok": "xai",
    "x-ai": "xai",
    "together-ai": "together",
    "together_ai": "together",
    "fireworks-ai": "fireworks",
    "fireworks_ai": "fireworks",
    "lm-studio": "lmstudio",
    "llama.cpp": "llamacpp",
}
"""Other names under which people look for a provider."""

LONG_TAIL: dict[str, str] = {
    "bedrock": "Amazon Bedrock",
    "cohere": "Cohere",
    "watsonx": "IBM watsonx",
    "vertex_ai": "Google Vertex AI",
    "sagemaker": "Amazon SageMaker",
    "databricks": "Databricks",
    "huggingface": "Hugging Face",
    "sambanova": "SambaNova",
    "nebius": "Nebius",
    "replicate": "Replicate",
    "snowflake": "Snowflake Cortex",
    "oci": "Oracle Cloud",
}
"""Providers that are reached through a library; see `muxi.models.long_tail`."""
