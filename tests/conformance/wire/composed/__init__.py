"""Streams composed from the published formats, by format. None is a recording."""

from __future__ import annotations

from . import anthropic, chat_completions, gemini, responses

CASES = {
    "chat_completions": chat_completions.CASES,
    "responses": responses.CASES,
    "anthropic": anthropic.CASES,
    "gemini": gemini.CASES,
}
