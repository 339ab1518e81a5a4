"""A month of an agent's logs, from tables and a seed: what users say, what their agent answers.

Every message bears what it truly tells of its user, and whether it is junk: greetings, heartbeats,
instructions and tool outputs said again, recalled lines said again. Called by `hygiene`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Truth = tuple[str, Any]
"""Path and value."""

INSTRUCTIONS = (
    "You are Remy, the kitchen and household assistant of the family. Keep answers short and warm. "
    "Always mention the shelf life of food when you know it. Never give medical advice."
)
CITIES = ["Lisbon", "Porto", "Leipzig", "Bologna", "Ghent", "Graz", "Gdansk", "Turku", "Cork"]
NAMES = ["Ana", "Tomas", "Ines", "Jonas", "Petra", "Miro", "Lena", "Oskar", "Nadia"]
FIRMS = ["Hallberg", "Corvina", "Tessel Works", "Ibex Software", "Nordlicht"]
ROLES = ["nurse", "carpenter", "data analyst", "teacher", "librarian", "electrician"]
DOGS = ["Rex", "Bruno", "Luna", "Pip"]
FOODS = ["peanuts", "shellfish", "sesame", "strawberries"]
COLOURS = ["dark green", "yellow", "navy blue"]
GREETINGS = [
    "Hi!",
    "Good morning!",
    "thanks",
    "Thank you very much!",
    "ok",
    "ok great",
    "bye",
    "👍",
]
QUESTIONS = [
    "How long does cooked rice keep in the fridge?",
    "What can I cook with two eggs and spinach?",
    "Is the dishwasher safe for cast iron?",
    "Do I live in Paris?",
    "What is the weather like in {city}?",
    "Could you set a timer for ten minutes?",
]
HEARTBEAT = (
    "[cron] Heartbeat. Check the calendar and the inbox. If nothing is due, say HEARTBEAT_OK."
)
TEMPTING = [
    "If I lived in {city}, how long would the train to Vienna take?",
    "My friend lives in {city} and asks whether peanuts keep for long.",
    "My boss said: I live in {city} and I hate it.",
    'Translate this into Portuguese: "I live in {city} and my name is {name}."',
    "Write a short story that begins like this. I live in {city}. My dog is called {dog}.",
    "I wish I lived in {city}.",
    "I used to live in {city} as a child, I think.",
    "Maybe I will move to {city} next year.",
    "For the quiz: my name is {name}, what is yours?",
    "Imagine that I am a {role} in {city}.",
    "I am not a {role}, why do you think so?",
    "My neighbour is allergic to {food}, what can I serve?",
    "Dear Sir,\nI live in {city} and I work for {firm}.\nBest regards\n{name}",
    "> I live in {city}\nWhat do you answer to that post?",
    "The article says that {name} works at {firm}.",
    "My password is tr0ub4dor-{number} and my card is 4111 1111 1111 1111.",
    "I'm tired of {city} being mentioned everywhere.",
    "Her name is {name} and she lives in {city}.",
]


@dataclass(frozen=True, slots=True)
class Said:
    """A user's message."""

    text: str
    kind: str
    """`tells`, `greeting`, `heartbeat`, `asks`, `tempts` or `chats`."""
    truths: tuple[Truth, ...] = ()
    over: tuple[Truth, ...] = ()
    answer: str = "plain"
    """What the agent does: `plain`, `tool`, `recalls`, `instructions` or `heartbeat`."""


@dataclass(slots=True)
class Person:
    """A user and their month."""

    id: str
    seed: int
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def month(self, days: int = 30) -> Iterator[Said]:
        """All that the user says, day by day, heartbeats in between."""
        statements = list(self._statements())
        told: list[Said] = []
        for day in range(days):
            messages = [Said(HEARTBEAT, "heartbeat", answer="heartbeat")] * 2
            messages.append(Said(self.rng.choice(GREETINGS), "greeting"))
            messages += [self._question(), self._question(), self._tempting(), self._chat(day)]
            if day * len(statements) // days != (day + 1) * len(statements) // days:
                new = statements[day * len(statements) // days]
                told.append(new)
                messages.append(new)
            if told and self.rng.random() < 0.3:
                messages.append(self._again(told))
            self.rng.shuffle(messages)
            yield from messages

    def _statements(self) -> Iterator[Said]:
        pick = self.rng.choice
        first, second = self.rng.sample(CITIES, 2)
        name, dog, food, role, firm = map(pick, (NAMES, DOGS, FOODS, ROLES, FIRMS))
        yield self._tells(f"Hi, my name is {name}.", ("name", name))
        yield self._tells(f"I live in {first}.", ("location.city", first))
        yield self._tells(f"My dog is called {dog}.", (f"dog.{dog}", True))
        yield self._tells(f"By the way, I'm allergic to {food}.", (f"allergy.{food}", True))
        yield self._tells(f"I work as a {role}.", ("work.role", role))
        yield self._tells(f"I work for {firm}.", ("work.employer", firm))
        colour = pick(COLOURS)
        yield self._tells(f"My favourite colour is {colour}.", ("favourite.colour", colour))
        yield self._tells(f"News: I moved to {second}.", ("location.city", second))

    def _tells(self, text: str, *truths: Truth) -> Said:
        return Said(text, "tells", truths, answer=self.rng.choice(("plain", "instructions")))

    def _again(self, told: list[Said]) -> Said:
        """The same once more, in the same words or beside another: no fact is new."""
        old = self.rng.choice([each for each in told if "moved" not in each.text])
        if any(path == "location.city" for path, _ in old.truths):
            old = told[0]
        text = old.text if self.rng.random() < 0.5 else f"As you know... {old.text}"
        return Said(text, "tells", old.truths)

    def _question(self) -> Said:
        answer = self.rng.choice(("plain", "tool", "recalls", "instructions"))
        return Said(self._filled(self.rng.choice(QUESTIONS)), "asks", answer=answer)

    def _tempting(self) -> Said:
        return Said(self._filled(self.rng.choice(TEMPTING)), "tempts", answer="recalls")

    def _chat(self, day: int) -> Said:
        dish = self.rng.choice(("lentil soup", "apple cake", "risotto", "pancakes", "a big salad"))
        guests = self.rng.randint(2, 9)
        return Said(f"Day {day}: we cooked {dish} for {guests} people and it went well.", "chats")

    def _filled(self, text: str) -> str:
        pick = self.rng.choice
        return text.format(
            city=pick(CITIES),
            name=pick(NAMES),
            dog=pick(DOGS),
            role=pick(ROLES),
            firm=pick(FIRMS),
            food=pick(FOODS),
            number=self.rng.randint(100, 999),
        )
