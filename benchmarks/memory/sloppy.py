"""Models that misbehave as models do: an agent's, which says again what it was shown, and one that
extracts facts, which makes some up. Called by `hygiene`; both are scripted, so a seed decides.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from typing import Any

from benchmarks.memory.agent_logs import CITIES, INSTRUCTIONS, NAMES, Said
from muxi.core.messages import ToolCallPart
from muxi.core.requests import ModelRequest
from muxi.models.scripted import Answer, call

_TURN = re.compile(r'<turn number="(\d+)" date="[^"]*">\n(.*?)\n</turn>', re.DOTALL)
OUTPUT = (
    "Cooked rice keeps four to six days in the fridge at four degrees, in a closed box; "
    "spinach keeps three days; cast iron must be dried at once and never soaked."
)


class Agent:
    """Answers as each message has it, and likes to say again what stands in its prompt."""

    def __init__(self, said: Mapping[str, Said], seed: int) -> None:
        self._said = said
        self._rng = random.Random(seed)

    def __call__(self, request: ModelRequest) -> Answer:
        last = request.messages[-1]
        if last.role == "tool":
            return f"I looked it up for you. {OUTPUT}"
        asked = self._said.get(last.text)
        kind = "plain" if asked is None else asked.answer
        if kind == "heartbeat":
            return "HEARTBEAT_OK"
        if kind == "tool":
            lookup: ToolCallPart = call("lookup", about=last.text)
            return lookup
        if kind == "instructions":
            return f"As your assistant: {INSTRUCTIONS}"
        if kind == "recalls":
            lines = [line[2:] for line in request.instructions.splitlines() if line[:2] == "- "]
            shown = self._rng.sample(lines, min(2, len(lines)))
            return " ".join(["From what you told me before:", *shown]) if shown else "I see."
        return self._rng.choice(
            (
                f"Noted. Number {self._rng.randint(1, 10**6)} on my list is to remind you of it.",
                "You're welcome!",
                "I am an AI and have no home of my own.",
            )
        )


class Extractor:
    """Finds what is there, and as much that is not."""

    def __init__(self, said: Mapping[str, Said], seed: int) -> None:
        self._said = said
        self._rng = random.Random(seed)
        self.invented = 0
        """False claims that it has made."""

    def __call__(self, request: ModelRequest) -> str:
        facts: list[dict[str, Any]] = []
        for number, text in _TURN.findall(request.messages[0].text):
            asked = self._said.get(text)
            if asked is None:
                continue
            right = [
                {"turn": int(number), "path": path, "value": value, "quote": text}
                for path, value in asked.truths
            ]
            wrong = [fact | {"turn": int(number)} for fact in self._inventions(text, asked)]
            self.invented += len(wrong)
            facts += right + wrong
        self._rng.shuffle(facts)
        return json.dumps({"facts": facts[:40]})

    def _inventions(self, text: str, asked: Said) -> list[dict[str, Any]]:
        """What such models claim besides."""
        found: list[dict[str, Any]] = [
            {"path": "assistant.role", "value": "kitchen assistant", "quote": text},
            {"path": "current_task", "value": text[:60], "quote": text},
        ]
        rng = self._rng
        if rng.random() < 0.5:
            city = rng.choice(CITIES)
            found.append({"path": "location.city", "value": city, "quote": f"I live in {city}"})
        if rng.random() < 0.3:
            found.append({"path": "location.country", "value": "Portugal", "quote": text})
        # Whatever name stands in a turn is taken for the user's.
        if asked.kind in ("tempts", "asks"):
            found += [
                {"path": "location.city", "value": city, "quote": text}
                for city in CITIES
                if city in text
            ]
            found += [
                {"path": "name", "value": name, "quote": text} for name in NAMES if name in text
            ]
            found.append({"path": "password", "value": text[-20:], "quote": text})
        return found
