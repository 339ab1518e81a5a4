"""Seeded histories of two friends, with questions whose evidence is known. Used by `recall`."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from benchmarks.memory.topics import Topic, fill, table, topics

PAIRS = (
    ("Ana Lucia", "Marcus"),
    ("Priya", "Tom"),
    ("Yusuf", "Grace"),
    ("Ingrid", "Leo"),
    ("Chidi", "Rosa"),
    ("Mei", "Daniel"),
    ("Fatima", "Will"),
    ("Jonas", "Amara"),
    ("Sofia", "Kenji"),
    ("Nadia", "Oliver"),
)


@dataclass(slots=True)
class Turn:
    text: str
    speaker: str
    said_at: datetime
    session: str


@dataclass(slots=True)
class Asked:
    text: str
    evidence: list[int]
    """Places of turns in the history."""
    kind: str


@dataclass(slots=True)
class History:
    name: str
    turns: list[Turn] = field(default_factory=list[Turn])
    questions: list[Asked] = field(default_factory=list[Asked])
    me: str | None = None
    you: str | None = None

    @property
    def people(self) -> dict[str, str]:
        return {turn.speaker: turn.speaker for turn in self.turns}


_NAMED = 0.55
"""Share of details that name what they are about; the others only make sense in their place."""
_NAMING = (
    "About the {x}: ",
    "As for the {x}, ",
    "With the {x}, well, ",
    "You asked about the {x}: ",
)


def _bare(name: str) -> str:
    """A name without its article, to stand behind another."""
    return name.removeprefix("a ").removeprefix("an ").removeprefix("the ")


class _Writer:
    """Writes one history, turn by turn, and remembers what can be asked about it."""

    def __init__(self, name: str, pair: tuple[str, str], rng: random.Random) -> None:
        self.history = History(name)
        self.rng = rng
        self.pair = pair
        self.at = datetime(2022, 1, rng.randrange(3, 28), 9, tzinfo=UTC)
        self.session = 0
        self.changes: dict[tuple[str, str], list[int]] = {}
        self.used: set[tuple[int, str, str]] = set()
        self.told: dict[tuple[int, str], list[int]] = {}
        self.told_at: list[tuple[str, int]] = []

    def say(self, speaker: str, text: str) -> int:
        listener = self.pair[1] if speaker == self.pair[0] else self.pair[0]
        short = listener.split()[0]
        text = text.replace("{o}", short)
        self.at += timedelta(seconds=self.rng.randrange(20, 200))
        turns = self.history.turns
        turns.append(Turn(text[:1].upper() + text[1:], speaker, self.at, str(self.session)))
        return len(turns) - 1

    def open(self) -> None:
        self.session += 1
        self.at += timedelta(days=self.rng.randrange(3, 20), hours=self.rng.randrange(0, 9))
        first, second = self.rng.sample(self.pair, 2)
        self.say(first, self.rng.choice(table("friends")["greetings"]))
        self.say(second, self.rng.choice(table("friends")["answers"]))

    def close(self) -> None:
        for speaker in self.rng.sample(self.pair, 2):
            self.say(speaker, self.rng.choice(table("friends")["goodbyes"]))

    def chatter(self) -> None:
        speakers = self.rng.sample(self.pair, 2)
        for at in range(self.rng.randrange(1, 5)):
            self.say(speakers[at % 2], self.rng.choice(table("friends")["chatter"]))

    def episode(self, topic: Topic) -> None:
        speaker, other = self.rng.sample(self.pair, 2)
        values = {name: self.rng.choice(options) for name, options in topic.slots.items()}
        main = next(iter(values.values()))
        if (topic.number, speaker, main) in self.used:
            # Told twice, a question about it would have two answers.
            return
        self.used.add((topic.number, speaker, main))
        places: dict[str, int] = {}
        for line in topic.lines:
            text = fill(self.rng.choice(line["said"]), values)
            if "key" in line and places and self.rng.random() < _NAMED:
                lead = self.rng.choice(_NAMING).replace("{x}", _bare(main))
                text = lead + text[0].lower() + text[1:]
            place = self.say(speaker if line["by"] == "S" else other, text)
            if "key" in line:
                places[line["key"]] = place
        first = next(iter(places.values()))
        self.told.setdefault((topic.number, speaker), []).append(first)
        self.told_at.append((speaker, first))
        for question in topic.questions:
            evidence = [places[key] for key in question["evidence"]]
            self._ask(question["asked"], speaker, values, evidence)

    def change(self) -> None:
        change = self.rng.choice(table("friends")["changing"])
        speaker = self.rng.choice(self.pair)
        text = self.rng.choice(change["said"]).replace("{x}", self.rng.choice(change["values"]))
        text = f"{self.rng.choice(_NAMING).replace('{x}', change['name'])}{text}"
        self.changes.setdefault((change["name"], speaker), []).append(self.say(speaker, text))

    def _ask(
        self,
        text: str,
        speaker: str,
        values: dict[str, str],
        evidence: list[int],
        kind: str = "",
    ) -> None:
        short = self.rng.choice([speaker, speaker.split(maxsplit=1)[0]])
        text = fill(text, {**values, "S": short})
        kind = kind or ("when" if text.startswith("When") else "detail")
        self.history.questions.append(Asked(text, evidence, kind))

    def ask_changes(self) -> None:
        texts = {change["name"]: change["asked"] for change in table("friends")["changing"]}
        for (name, speaker), places in self.changes.items():
            plain = f"What is {{S}}'s {name} these days?"
            text = self.rng.choice([texts[name], plain, plain])
            self._ask(text, speaker, {}, places[-1:], kind="latest")

    def ask_months(self) -> None:
        months: dict[tuple[str, int, int], list[int]] = {}
        for speaker, place in self.told_at:
            at = self.history.turns[place].said_at
            months.setdefault((speaker, at.year, at.month), []).append(place)
        for (speaker, year, month), places in months.items():
            if len(places) <= 4:
                named = f"{datetime(year, month, 1, tzinfo=UTC):%B} {year}"
                text = f"What was new with {{S}} in {named}?"
                self._ask(text, speaker, {}, places, kind="dated")

    def ask_overviews(self) -> None:
        for (number, speaker), places in self.told.items():
            overview = topics()[number].overview
            if overview and 1 < len(places) <= 6:
                self._ask(overview, speaker, {}, places, kind="several")


def friends(
    name: str, seed: int, sessions: int = 28, pair: tuple[str, str] | None = None
) -> History:
    """One history of two friends: about 20 turns a session."""
    rng = random.Random(seed)
    writer = _Writer(name, pair or PAIRS[seed % len(PAIRS)], rng)
    for _ in range(sessions):
        writer.open()
        for _ in range(rng.randrange(2, 4)):
            writer.chatter()
            writer.episode(rng.choice(topics()))
            if rng.random() < 0.5:
                writer.change()
        writer.chatter()
        writer.close()
    writer.ask_changes()
    writer.ask_overviews()
    writer.ask_months()
    return writer.history


def all_friends(number: int, seed: int) -> Iterator[History]:
    for at in range(number):
        yield friends(f"friends-{at}", seed + at)


def summary(histories: Sequence[History]) -> str:
    turns = sum(len(history.turns) for history in histories)
    questions = sum(len(history.questions) for history in histories)
    return f"{len(histories)} histories, {turns} turns, {questions} questions"
