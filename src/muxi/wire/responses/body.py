"""What a client asks for in the Responses format, as far as an agent can take it.

Read by the server. Follows https://platform.openai.com/docs/api-reference/responses and Open
Responses (https://www.openresponses.org). What would change the answer and cannot be done is
refused by name; what is a hint of no effect here is taken and left.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import Discriminator, Field, JsonValue, Tag, field_validator

from muxi.wire.chat_completions.body import Asked, Effort, Text

MOST_METADATA = 16


class InputText(Asked):
    type: Literal["input_text"]
    text: Text
    prompt_cache_breakpoint: JsonValue = None


class InputImage(Asked):
    type: Literal["input_image"]
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: JsonValue = None


class InputFile(Asked):
    type: Literal["input_file"]
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: JsonValue = None


class OutputText(Asked):
    """What an agent has said before."""

    type: Literal["output_text"]
    text: Text
    annotations: list[JsonValue] | None = None
    logprobs: list[JsonValue] | None = None
    parsed: JsonValue = None


class OutputRefusal(Asked):
    type: Literal["refusal"]
    refusal: Text


Content = Annotated[
    InputText | InputImage | InputFile | OutputText | OutputRefusal, Field(discriminator="type")
]
ResultContent = Annotated[InputText | InputImage | InputFile, Field(discriminator="type")]


class MessageItem(Asked):
    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Text | list[Content]
    id: str | None = None
    status: str | None = None
    phase: str | None = None


class CallItem(Asked):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: str | None = None
    parsed_arguments: JsonValue = None
    namespace: None = None
    caller: JsonValue = None


class ResultItem(Asked):
    type: Literal["function_call_output"]
    call_id: str
    output: Text | list[ResultContent]
    id: str | None = None
    status: str | None = None
    caller: JsonValue = None


class ApprovalItem(Asked):
    """What the user says to an `mcp_approval_request`."""

    type: Literal["mcp_approval_response"]
    approval_request_id: str
    approve: bool
    reason: str | None = None
    id: str | None = None


class ReceiptItem(Asked, extra="allow"):
    """What an answer told of thoughts and of the agent's own calls; the agent does not need it."""

    type: Literal["reasoning", "mcp_call", "mcp_approval_request", "mcp_list_tools"]


class ReferenceItem(Asked):
    """Something that was said before, by the id under which it was told."""

    type: Literal["item_reference"] | None = None
    id: str


class CompactionItem(Asked):
    """What was said before, in short, as `POST /v1/responses/compact` gives it."""

    type: Literal["compaction"]
    encrypted_content: str
    id: str | None = None
    created_by: str | None = None


def _kind(value: Any) -> str:
    if not isinstance(value, dict):
        return str(getattr(value, "type", "message"))
    item = cast("dict[str, Any]", value)
    return str(item.get("type") or ("message" if "role" in item else "item_reference"))


Item = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[CallItem, Tag("function_call")]
    | Annotated[ResultItem, Tag("function_call_output")]
    | Annotated[ApprovalItem, Tag("mcp_approval_response")]
    | Annotated[ReferenceItem, Tag("item_reference")]
    | Annotated[CompactionItem, Tag("compaction")]
    | Annotated[ReceiptItem, Tag("reasoning")]
    | Annotated[ReceiptItem, Tag("mcp_call")]
    | Annotated[ReceiptItem, Tag("mcp_approval_request")]
    | Annotated[ReceiptItem, Tag("mcp_list_tools")],
    Discriminator(_kind),
]


Input = Annotated[
    Annotated[Text, Tag("[text]")] | Annotated[list[Item], Tag("[items]")],
    Discriminator(lambda value: "[text]" if isinstance(value, str) else "[items]"),
]


class FunctionTool(Asked):
    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionChoice(Asked):
    type: Literal["function"]
    name: str


class AllowedChoice(Asked):
    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"] = "auto"
    tools: list[FunctionChoice]


Choice = (
    Literal["none", "auto", "required"]
    | Annotated[FunctionChoice | AllowedChoice, Field(discriminator="type")]
)


class TextFormat(Asked):
    type: Literal["text"]


class ObjectFormat(Asked):
    type: Literal["json_object"]


class SchemaFormat(Asked):
    type: Literal["json_schema"]
    name: str
    schema_: dict[str, Any] = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class TextSettings(Asked):
    format: (
        Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")] | None
    ) = None
    verbosity: str | None = None


class Reasoning(Asked):
    effort: Effort | None = None
    summary: str | None = None
    generate_summary: str | None = None


class StreamOptions(Asked):
    include_obfuscation: bool = False


class ConversationId(Asked):
    id: str


class ResponseRequest(Asked):
    """The body of `POST /v1/responses`."""

    model: str | None = None
    """Name of the agent; the one that gave the previous answer, if it is left out."""
    input: Input | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationId | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    store: bool | None = None
    background: bool | None = None
    tools: list[FunctionTool] | None = None
    """Tools of the client. Those of the agent itself are used beside them, on the server."""
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: int | None = Field(None, ge=1)
    """The most calls of all tools together; the agent's own limit holds beside it."""
    text: TextSettings | None = None
    reasoning: Reasoning | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_output_tokens: int | None = Field(None, ge=1)
    metadata: dict[str, str] | None = Field(None, max_length=MOST_METADATA)
    user: str | None = None
    """A label of the end user; for whom a request is made, the header `X-Muxi-User` says."""
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: JsonValue = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None
    truncation: Literal["auto", "disabled"] | None = None
    include: list[str] | None = None
    top_logprobs: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None

    @field_validator("top_logprobs")
    @classmethod
    def _no_logprobs(cls, value: int | None) -> int | None:
        if value:
            raise ValueError("is not supported here: agents tell no probabilities of tokens")
        return value

    @field_validator("frequency_penalty", "presence_penalty")
    @classmethod
    def _no_penalty(cls, value: float | None) -> float | None:
        if value:
            raise ValueError("is not supported here: repetition cannot be weighed")
        return value

    def items(self) -> list[Item]:
        """The input as items."""
        return _items(self.input)


class CompactRequest(Asked):
    """The body of `POST /v1/responses/compact`."""

    model: str
    input: Input | None = None
    instructions: str | None = None
    """Nobody's, as a summary follows none."""
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: JsonValue = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None
    image: JsonValue = None

    def items(self) -> list[Item]:
        """The input as items."""
        return _items(self.input)


def _items(given: str | list[Item] | None) -> list[Item]:
    if isinstance(given, str):
        return [MessageItem(role="user", content=given)]
    return list(given or ())
