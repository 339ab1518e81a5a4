"""What a client asks for in chat completions, as far as an agent can take it. Read by the server.

Follows https://platform.openai.com/docs/api-reference/chat. What would change the answer and cannot
be done is refused by name; what is a hint of no effect here is taken and left.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

Text = Annotated[str, Field(max_length=10_000_000)]


class Asked(BaseModel):
    """A part of a request, whose unknown members are mistakes."""

    model_config = ConfigDict(extra="forbid")


class TextContent(Asked):
    type: Literal["text"]
    text: Text
    prompt_cache_breakpoint: JsonValue = None


class ImageUrl(Asked):
    url: str
    detail: Literal["auto", "low", "high", "original"] = "auto"


class ImageContent(Asked):
    type: Literal["image_url"]
    image_url: ImageUrl
    prompt_cache_breakpoint: JsonValue = None


class InputAudio(Asked):
    data: str
    format: Literal["wav", "mp3"]


class AudioContent(Asked):
    type: Literal["input_audio"]
    input_audio: InputAudio
    prompt_cache_breakpoint: JsonValue = None


class FileData(Asked):
    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = None


class FileContent(Asked):
    type: Literal["file"]
    file: FileData
    prompt_cache_breakpoint: JsonValue = None


class RefusalContent(Asked):
    type: Literal["refusal"]
    refusal: Text


UserContent = Annotated[
    TextContent | ImageContent | AudioContent | FileContent, Field(discriminator="type")
]
AnswerContent = Annotated[TextContent | RefusalContent, Field(discriminator="type")]


class CalledFunction(Asked):
    name: str
    arguments: str
    parsed_arguments: JsonValue = None


class FunctionCall(Asked):
    id: str
    index: int | None = None
    type: Literal["function"] = "function"
    function: CalledFunction


class Instruction(Asked):
    role: Literal["system", "developer"]
    content: Text | list[TextContent]
    name: str | None = None


class UserMessage(Asked):
    role: Literal["user"]
    content: Text | list[UserContent]
    name: str | None = None


class AssistantMessage(Asked):
    """Also an answer as it was given, with all that the official clients add to it."""

    role: Literal["assistant"]
    content: Text | list[AnswerContent] | None = None
    refusal: str | None = None
    tool_calls: list[FunctionCall] | None = None
    name: str | None = None
    annotations: list[JsonValue] | None = None
    audio: None = None
    function_call: None = None
    reasoning_content: str | None = None
    """As it was given with the answer; what a model has thought is not told to it again."""
    parsed: JsonValue = None


class ToolMessage(Asked):
    role: Literal["tool"]
    tool_call_id: str
    content: Text | list[TextContent]
    name: str | None = None


AnyMessage = Annotated[
    Instruction | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


class Function(Asked):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(Asked):
    type: Literal["function"]
    function: Function


class FunctionName(Asked):
    name: str


class FunctionChoice(Asked):
    type: Literal["function"]
    function: FunctionName


class AllowedTools(Asked):
    mode: Literal["auto", "required"]
    tools: list[FunctionChoice]


class AllowedChoice(Asked):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


Choice = (
    Literal["none", "auto", "required"]
    | Annotated[FunctionChoice | AllowedChoice, Field(discriminator="type")]
)


class JsonSchema(Asked):
    name: str
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema", default_factory=dict[str, Any])
    strict: bool | None = None


class TextFormat(Asked):
    type: Literal["text"]


class ObjectFormat(Asked):
    type: Literal["json_object"]


class SchemaFormat(Asked):
    type: Literal["json_schema"]
    json_schema: JsonSchema


Format = Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")]


class StreamOptions(Asked):
    include_usage: bool = False
    include_obfuscation: bool = False


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ChatRequest(Asked):
    """The body of `POST /v1/chat/completions`."""

    model: str
    """Name of the agent."""
    messages: list[AnyMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[FunctionTool] | None = None
    """Tools of the client. Those of the agent itself are used beside them, on the server."""
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    response_format: Format | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stop: str | list[str] | None = Field(None, max_length=16)
    seed: int | None = None
    reasoning_effort: Effort | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    """A label of the end user; for whom a request is made, the header `X-Muxi-User` says."""
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: JsonValue = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None
    verbosity: str | None = None
    prediction: JsonValue = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    modalities: list[str] | None = None

    @field_validator("n")
    @classmethod
    def _one(cls, value: int | None) -> int | None:
        return _must_be(value, (None, 1), "one answer is given to a request")

    @field_validator("logprobs")
    @classmethod
    def _no_logprobs(cls, value: bool | None) -> bool | None:
        return _must_be(value, (None, False), "agents tell no probabilities of tokens")

    @field_validator("top_logprobs")
    @classmethod
    def _no_top_logprobs(cls, value: int | None) -> int | None:
        return _must_be(value, (None, 0), "agents tell no probabilities of tokens")

    @field_validator("logit_bias")
    @classmethod
    def _no_bias(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        return _must_be(value or None, (None,), "tokens cannot be weighed")

    @field_validator("frequency_penalty", "presence_penalty")
    @classmethod
    def _no_penalty(cls, value: float | None) -> float | None:
        return _must_be(value, (None, 0), "repetition cannot be weighed")

    @field_validator("modalities")
    @classmethod
    def _only_text(cls, value: list[str] | None) -> list[str] | None:
        return _must_be(value, (None, ["text"]), "agents answer with text only")


def _must_be(value: Any, allowed: tuple[Any, ...], why: str) -> Any:
    if value not in allowed:
        raise ValueError(f"is not supported here: {why}")
    return value
