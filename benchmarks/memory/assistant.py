"""Seeded histories of one user and an assistant: another hand, another grammar, the same measure.

Used by `recall`. What the user says is one or two sentences; the assistant answers at length, as
assistants do, and repeats the user's words, which is what makes recall hard here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.memory.conversations import Asked, History, Turn
from benchmarks.memory.topics import fill, table

USER, ASSISTANT = "user", "assistant"
NOTED = (
    "Thank you for telling me about {m}. I will keep it in mind for later and take it into account "
    "in what I suggest."
)


def assistant(name: str, seed: int, sessions: int = 110) -> History:
    """One history of a user with an assistant: about 14 turns a session."""
    rng, told = random.Random(seed), table("assistant")
    history = History(name, me=USER, you=ASSISTANT)
    at = datetime(2023, 1, 5, 8, tzinfo=UTC)
    mains: list[str] = []

    def say(speaker: str, text: str, session: int) -> int:
        nonlocal at
        at += timedelta(seconds=rng.randrange(10, 90))
        history.turns.append(Turn(text, speaker, at, str(session)))
        return len(history.turns) - 1

    def ask(question: str, place: int, kind: str) -> None:
        lower = question[0].lower() + question[1:]
        form = rng.choice(told["asked_back"])
        text = form.replace("{q}", lower).replace("{Q}", question)
        history.questions.append(Asked(text, [place], kind))

    for session in range(sessions):
        at += timedelta(days=rng.randrange(1, 12), hours=rng.randrange(0, 10))
        for _ in range(rng.randrange(4, 9)):
            pick = rng.random()
            if mains and pick < 0.55:
                request, reply = rng.choice(told["again"])
                values = {"m": rng.choice(mains)}
                say(USER, fill(request, values), session)
                say(ASSISTANT, fill(reply, values), session)
                continue
            if pick < 0.65:
                _small(rng, say, session)
                continue
            kind = "told" if pick < 0.85 else "advised"
            entry = rng.choice(told[kind])
            values = {slot: rng.choice(options) for slot, options in entry["slots"].items()}
            main = _main(entry, values)
            if main in mains:
                continue
            mains.append(main)
            if kind == "told":
                said = rng.choice(told["openers"]) + fill(entry["said"], values)
                place = say(USER, said, session)
                say(ASSISTANT, NOTED.replace("{m}", main), session)
                for question in entry["asked"]:
                    ask(fill(question, values), place, kind)
            else:
                say(USER, fill(entry["request"], values), session)
                values["x"] = rng.choice(entry["options"])
                place = say(ASSISTANT, fill(entry["reply"], values), session)
                ask(fill(entry["asked"], values), place, kind)
    return history


def _main(entry: dict[str, Any], values: dict[str, str]) -> str:
    """What an entry is about: the slot that its first question names."""
    asked = entry["asked"] if isinstance(entry["asked"], str) else entry["asked"][0]
    return next(value for slot, value in values.items() if f"{{{slot}}}" in asked)


def _small(rng: random.Random, say: Callable[[str, str, int], int], session: int) -> None:
    request, reply = rng.choice(table("assistant")["small"])
    a, b = rng.randrange(3, 90), rng.randrange(3, 90)
    tongue = rng.choice(["Dutch", "Finnish", "Thai"])
    values = {"l": tongue, "a": str(a), "b": str(b), "c": str(a * b)}
    say(USER, fill(request, values), session)
    say(ASSISTANT, fill(reply, values), session)
