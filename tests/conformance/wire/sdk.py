"""The official SDKs on the same bytes, each through its own accumulator where it has one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types

from muxi.core.record import clean

from .reading import Reading, call, text, usage_of

PACKAGES = {
    "chat_completions": "openai",
    "responses": "openai",
    "anthropic": "anthropic",
    "gemini": "google-genai",
}
VERSIONS = {package: version(package) for package in sorted(set(PACKAGES.values()))}


class HalfAnswer(Exception):
    """The SDK gave half an answer and no error."""


_MESSAGES: Any = [{"role": "user", "content": "Hi"}]


class Sdks:
    """One client an SDK, all towards the same provider, none of which retries."""

    def __init__(self, url: str) -> None:
        self._openai = {
            name: openai.OpenAI(api_key="k", base_url=f"{url}/{name}/v1", max_retries=0)
            for name in ("chat_completions", "responses")
        }
        self._anthropic = anthropic.Anthropic(
            api_key="k", base_url=f"{url}/anthropic", max_retries=0
        )
        self._genai = genai.Client(
            api_key="k",
            http_options=types.HttpOptions(
                base_url=f"{url}/gemini", retry_options=types.HttpRetryOptions(attempts=1)
            ),
        )
        self.read: dict[str, Callable[[str], Reading]] = {
            "chat_completions": self._chat,
            "responses": self._responses,
            "anthropic": self._messages,
            "gemini": self._gemini,
        }

    def close(self) -> None:
        for client in self._openai.values():
            client.close()
        self._anthropic.close()
        self._genai.close()

    def _chat(self, name: str) -> Reading:
        client = self._openai["chat_completions"]
        with client.chat.completions.stream(model=name, messages=_MESSAGES) as stream:
            try:
                for _ in stream:
                    pass
                done: Any = stream.get_final_completion()
            except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
                # Its parser refuses to read such an answer; its accumulator has it all the same.
                done = stream.current_completion_snapshot
        if done.choices[0].finish_reason is None:
            raise HalfAnswer
        message = done.choices[0].message
        thoughts = getattr(message, "reasoning_content", None)
        parts: list[tuple[Any, ...]] = []
        if thoughts:
            parts.append(("reasoning", thoughts, None))
        if message.content:
            parts.append(text(message.content))
        if message.refusal:
            parts.append(("refusal", message.refusal))
        for each in message.tool_calls or ():
            parts.append(call(each.function.name, each.function.arguments, each.id))
        usage = done.usage
        taken = usage.prompt_tokens_details if usage else None
        given = usage.completion_tokens_details if usage else None
        stop = done.choices[0].finish_reason
        if stop == "stop" and message.refusal:
            stop = "refusal"
        return Reading(
            parts,
            usage_of(
                input=usage.prompt_tokens if usage else 0,
                output=usage.completion_tokens if usage else 0,
                cached=taken.cached_tokens if taken else 0,
                reasoning=given.reasoning_tokens if given else 0,
            ),
            stop,
            done.model,
            done.id,
        )

    def _responses(self, name: str) -> Reading:
        with self._openai["responses"].responses.stream(model=name, input="Hi") as stream:
            events = list(stream)
            if events and events[-1].type == "response.incomplete":
                # Its helper knows no such end; the event bears the answer.
                done: Any = events[-1].response
            else:
                done = stream.get_final_response()
        parts = [part for item in done.output for part in _item(item)]
        usage = done.usage
        kinds = {part[0] for part in parts}
        return Reading(
            parts,
            usage_of(
                input=usage.input_tokens,
                output=usage.output_tokens,
                cached=usage.input_tokens_details.cached_tokens,
                cache_write=usage.input_tokens_details.cache_write_tokens,
                reasoning=usage.output_tokens_details.reasoning_tokens,
            ),
            _response_stop(done, kinds),
            done.model,
            done.id,
        )

    def _messages(self, name: str) -> Reading:
        with self._anthropic.messages.stream(
            model=name, messages=_MESSAGES, max_tokens=1024
        ) as stream:
            for _ in stream:
                pass
            done: Any = stream.get_final_message()
        if done.stop_reason is None:
            raise HalfAnswer
        usage = done.usage
        cached, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
        details = usage.output_tokens_details
        parts = [part for block in done.content if (part := _block(block)) is not None]
        why = done.stop_details.explanation if done.stop_details else None
        if why:
            parts.append(("refusal", why))
        return Reading(
            parts,
            usage_of(
                input=usage.input_tokens + (cached or 0) + (written or 0),
                output=usage.output_tokens,
                cached=cached,
                cache_write=written,
                reasoning=details.thinking_tokens if details else 0,
            ),
            {
                "end_turn": "stop",
                "stop_sequence": "stop",
                "pause_turn": "stop",
                "max_tokens": "length",
                "model_context_window_exceeded": "length",
                "tool_use": "tool_calls",
                "refusal": "refusal",
            }[done.stop_reason],
            done.model,
            done.id,
        )

    def _gemini(self, name: str) -> Reading:
        # This SDK has no accumulator of its own: its chats keep the chunks as they come.
        chunks = list(self._genai.models.generate_content_stream(model=name, contents="Hi"))
        parts: list[tuple[Any, ...]] = []
        reason, usage, model, response_id, blocked = None, None, name, None, False
        for chunk in chunks:
            model = chunk.model_version or model
            response_id = chunk.response_id or response_id
            usage = chunk.usage_metadata or usage
            blocked = blocked or bool(chunk.prompt_feedback and chunk.prompt_feedback.block_reason)
            for candidate in (chunk.candidates or [])[:1]:
                content = candidate.content
                for piece in (content.parts if content else None) or ():
                    _add_piece(parts, piece)
                reason = candidate.finish_reason or reason
        if reason is None and not blocked:
            raise HalfAnswer
        if reason is None:
            stop = "content_filter"
        elif reason.value == "STOP":
            stop = "tool_calls" if any(part[0] == "call" for part in parts) else "stop"
        else:
            stop = {"MAX_TOKENS": "length", "OTHER": "stop", "BORED": "stop"}.get(
                reason.value, "content_filter"
            )
        parts = [("text", clean(p[1]), p[2]) if p[0] == "text" else p for p in parts]
        given = usage.thoughts_token_count or 0 if usage else 0
        return Reading(
            parts,
            usage_of(
                input=(usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
                if usage
                else 0,
                output=(usage.candidates_token_count or 0) + given if usage else 0,
                cached=usage.cached_content_token_count if usage else 0,
                reasoning=given,
            ),
            stop,
            model,
            response_id,
        )


def _response_stop(done: Any, kinds: set[str]) -> str:
    if done.status == "incomplete":
        reason = done.incomplete_details.reason
        return {"max_output_tokens": "length", "content_filter": "content_filter"}[reason]
    return "tool_calls" if "call" in kinds else "refusal" if "refusal" in kinds else "stop"


def _item(item: Any) -> list[tuple[Any, ...]]:
    if item.type == "message":
        return [
            ("refusal", piece.refusal) if piece.type == "refusal" else text(piece.text)
            for piece in item.content
            if piece.type == "refusal" or piece.text
        ]
    if item.type == "reasoning":
        texts = [piece.text for piece in [*item.summary, *(item.content or [])]]
        return [("reasoning", "\n\n".join(texts), item.encrypted_content)]
    if item.type == "function_call":
        return [call(item.name, item.arguments, item.call_id)]
    return [("other", item.type)]


def _block(block: Any) -> tuple[Any, ...] | None:
    if block.type == "text":
        return text(block.text) if block.text else None
    if block.type == "thinking":
        return ("reasoning", block.thinking, block.signature)
    if block.type == "redacted_thinking":
        return ("reasoning", "", block.data)
    if block.type == "tool_use":
        return call(block.name, block.input, block.id)
    return ("other", block.type)


def _add_piece(parts: list[tuple[Any, ...]], piece: Any) -> None:
    signature = piece.thought_signature and base64.b64encode(piece.thought_signature).decode()
    if piece.function_call is not None:
        wanted = piece.function_call
        parts.append(call(wanted.name, wanted.args or {}, wanted.id))
    elif piece.inline_data is not None:
        parts.append(("media", piece.inline_data.mime_type, piece.inline_data.data))
    elif piece.text is not None or signature:
        said = piece.text or ""
        kind = "reasoning" if piece.thought else "text"
        last = parts[-1] if parts else None
        if not said and not signature:
            return
        if last and last[0] == kind and last[2] is None and signature is None:
            parts[-1] = (kind, last[1] + said, None)
        else:
            parts.append((kind, said, signature))
    else:
        names = {
            "executable_code": "executableCode",
            "code_execution_result": "codeExecutionResult",
        }
        kept = next((ours for theirs, ours in names.items() if getattr(piece, theirs)), None)
        if kept is not None:
            parts.append(("other", kept))
