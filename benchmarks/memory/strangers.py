"""Seeded histories in several languages, made of single events among small talk. Used by `recall`.

Nothing here shares a wording with `conversations`: each turn is an event in its own sentence, with
a clause of small talk before or behind it, and the question uses another verb for it.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from benchmarks.memory.conversations import Asked, History, Turn
from benchmarks.memory.topics import fill, table

TONGUES = ("en", "de", "es", "ru", "zh", "hi")


def strangers(name: str, seed: int, tongue: str, sessions: int = 24) -> History:
    """One history in the language `tongue`: about 16 turns a session, two thirds of them events."""
    rng = random.Random(f"{tongue}{seed}")
    told = table("strangers")[tongue]
    history = History(name)
    at = datetime(2021, 3, 1, 18, tzinfo=UTC)
    open_events = [(event, thing) for event in told["events"] for thing in told["things"]]
    plan = [(speaker, *pair) for speaker in told["people"] for pair in open_events]
    rng.shuffle(plan)
    joint = "，" if tongue == "zh" else ", "
    for session in range(sessions):
        at += timedelta(days=rng.randrange(2, 25), hours=rng.randrange(-5, 5))
        for _ in range(rng.randrange(10, 20)):
            at += timedelta(seconds=rng.randrange(15, 120))
            speaker = rng.choice(told["people"])
            clauses = [rng.choice(told["fill"])]
            mine = next((i for i, (who, *_) in enumerate(plan) if who == speaker), None)
            if mine is not None and rng.random() < 0.5:
                _, event, thing = plan.pop(mine)
                values = {"x": thing, "y": rng.choice(told["places"]), "S": speaker}
                clauses.insert(rng.randrange(2), fill(event["said"], values))
                asked = Asked(fill(event["asked"], values), [len(history.turns)], tongue)
                history.questions.append(asked)
            elif rng.random() < 0.6:
                clauses.insert(
                    rng.randrange(2),
                    rng.choice(told["again"]).replace("{x}", rng.choice(told["things"])),
                )
            text = joint.join(clauses)
            end = "。" if tongue == "zh" else "।" if tongue == "hi" else "."
            turn = Turn(text[0].upper() + text[1:] + end, speaker, at, str(session))
            history.turns.append(turn)
    return history
