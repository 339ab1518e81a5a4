"""What a project says of its models. Data only; `runtime` makes models of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from muxi.config.secret import SecretRef
from muxi.core.requests import ModelSettings

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A part of the project file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class PriceSettings(Section):
    """US dollars per million tokens. A price that is left out is unknown, never 0."""

    input: Annotated[Decimal, Field(ge=0)]
    """Input tokens."""
    output: Annotated[Decimal, Field(ge=0)]
    """Output tokens, reasoning included."""
    cached: Annotated[Decimal, Field(ge=0)] | None = None
    """Input tokens that the provider reads from its cache; by default what input costs."""
    cache_write: Annotated[Decimal, Field(ge=0)] | None = None
    """Input tokens that the provider writes to its cache; by default what input costs."""


class RetrySettings(Section):
    """What happens when a provider fails in a way that may pass."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """Attempts in all, the first one included."""
    delay: Seconds = 0.5
    """Seconds before the second attempt; doubled for each further one."""
    max_delay: Seconds = 30.0
    """Longest wait in seconds, also when the provider asks for more."""


class RateSettings(Section):
    """How much may be asked of a provider in a minute."""

    requests: Positive | None = None
    """Requests per minute."""
    tokens: Positive | None = None
    """Input and output tokens per minute."""


class ModelDefinition(Section):
    """A model under a name of the project. In the file, text alone stands for `model: TEXT`."""

    model: Annotated[str, Field(min_length=1)]
    """`provider/model`, `embedded`, or the path of a GGUF file."""
    key: SecretRef | None = None
    """The provider's API key: `secret://NAME` or `${NAME}`; else the provider's own variable."""
    base_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """Address of the provider's API, for a compatible server."""
    settings: ModelSettings = Field(default_factory=ModelSettings)
    """How the model samples, unless the agent says otherwise."""
    price: PriceSettings | None = None
    """What it costs, where the catalogue does not know or is wrong."""
    context_tokens: Positive | None = None
    """Tokens that fit into the model's context, where the catalogue does not know."""
    output_tokens: Positive | None = None
    """Longest answer in tokens, where the catalogue does not know."""
    takes: list[Literal["image", "audio", "file"]] | None = None
    """What it takes beside text, where the catalogue does not know or is wrong. In place of the
    rest it is given text, as far as there is any."""
    retry: RetrySettings = Field(default_factory=RetrySettings)
    """What happens when the provider fails."""
    fallback: list[str] = Field(default_factory=list[str])
    """Models that are asked in this order when this one cannot answer."""
    concurrency: Positive | None = None
    """Requests to this model at once."""
    rate: RateSettings | None = None
    """Requests and tokens per minute."""
