"""The answer of Google's generateContent that comes whole: pictures, speech and transcripts.

Decoded by `pictures`, `speech` and `transcription`; the answers of language models are streamed and
read by `wire.gemini`.
"""

from __future__ import annotations

import msgspec

from muxi.core.usage import Usage


class Inline(msgspec.Struct, rename="camel"):
    """Bytes in base 64."""

    data: str
    mime_type: str = ""


class _Part(msgspec.Struct, rename="camel"):
    inline_data: Inline | None = None
    text: str | None = None
    thought: bool = False


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class GoogleAnswer(msgspec.Struct, rename="camel"):
    """https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse"""

    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None

    @property
    def inline(self) -> Inline | None:
        """The first bytes that it brings."""
        return next((part.inline_data for part in self._parts if part.inline_data), None)

    @property
    def text(self) -> str:
        """Its words, without thoughts."""
        return "".join(part.text for part in self._parts if part.text)

    @property
    def declined(self) -> str | None:
        """Why it brings nothing, in words; None if it may bring something."""
        feedback = self.prompt_feedback
        if feedback is not None and feedback.block_reason:
            return f"the prompt was blocked ({feedback.block_reason})."
        reasons = self.endings
        whole = any(reason in ("STOP", "MAX_TOKENS") for reason in reasons)
        return None if whole or self._parts else f"it ended with {', '.join(reasons) or 'nothing'}."

    @property
    def endings(self) -> list[str]:
        """Why it ended, as the provider calls it."""
        return [each.finish_reason for each in self.candidates if each.finish_reason]

    @property
    def usage(self) -> Usage:
        used = self.usage_metadata or _Usage()
        return Usage(
            requests=1,
            input_tokens=used.prompt_token_count,
            output_tokens=used.candidates_token_count + used.thoughts_token_count,
            reasoning_tokens=used.thoughts_token_count,
            cost=None,
        )

    @property
    def _parts(self) -> list[_Part]:
        contents = [each.content for each in self.candidates if each.content is not None]
        return [part for content in contents for part in content.parts if not part.thought]
