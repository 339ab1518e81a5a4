"""What of a month of agent logs ends up in memory, and how much of it should not be there.

    .venv/bin/python benchmarks/memory/hygiene.py [--users 4] [--days 30] [--seed 7]

The whole way is gone: runs of a real runtime with recall and profile, its worker of memory, its
worker of facts, first with plain statements alone, then with a model that makes up as much as it
finds. Figures to keep: junk at most 5 % of memories, duplicates 1 %, recall loops none, invented
facts 1 %. The share of true facts that were learned shows that silence is not the trick.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.memory.agent_logs import INSTRUCTIONS, Person, Said, Truth
from benchmarks.memory.sloppy import OUTPUT, Agent, Extractor
from muxi.config.project import Project
from muxi.core.caller import LOCAL_CALLER
from muxi.core.facts import Fact
from muxi.core.memories import Memory
from muxi.models.scripted import ScriptedModel
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.principal import owner_for
from muxi.runtime.requests import RunRequest
from muxi.tools.function import tool

LIMITS = {"junk": 0.05, "duplicates": 0.01, "recall loops": 0.0, "invented facts": 0.01}


@dataclass(slots=True)
class Figures:
    """Counts over all users."""

    messages: int = 0
    memories: int = 0
    junk: list[str] = field(default_factory=list[str])
    duplicates: list[str] = field(default_factory=list[str])
    loops: list[str] = field(default_factory=list[str])
    facts: int = 0
    invented: list[str] = field(default_factory=list[str])
    true: int = 0
    learned: int = 0
    told: int = 0
    kept: int = 0
    claimed: int = 0
    """False claims that the extracting model made."""
    refused: Counter[str] = field(default_factory=Counter[str])

    def shares(self) -> dict[str, float]:
        """The figures that have a limit."""
        return {
            "junk": len(self.junk) / max(1, self.memories),
            "duplicates": len(self.duplicates) / max(1, self.memories),
            "recall loops": len(self.loops) / max(1, self.memories),
            "invented facts": len(self.invented) / max(1, self.facts),
        }


async def month(*, users: int, days: int, seed: int, extract: str) -> Figures:
    """Live through a month and look at what is left of it."""
    people = [Person(f"user-{at}", seed + at) for at in range(users)]
    said = {person.id: list(person.month(days)) for person in people}
    by_text = {each.text: each for all_said in said.values() for each in all_said}
    extractor = Extractor(by_text, seed)
    figures = Figures(messages=sum(map(len, said.values())))
    with tempfile.TemporaryDirectory() as folder:
        runtime = await _opened(Path(folder), Agent(by_text, seed), extractor, extract)
        try:
            await _live(runtime, said)
            for person in people:
                await _look(runtime, person.id, said[person.id], figures)
            assert runtime.remembering.learning is not None
            figures.refused = runtime.remembering.learning.learned.refused
        finally:
            await runtime.close()
    figures.claimed = extractor.invented
    return figures


async def _opened(folder: Path, agent: Agent, extractor: Extractor, extract: str) -> Runtime:
    @tool(idempotent=True)
    def lookup(about: str) -> str:
        """Look something up.

        Args:
            about: What.
        """
        return OUTPUT

    project = Project.model_validate(
        {
            "model": "m/m",
            "folder": folder,
            "agents": {"remy": {"name": "remy", "instructions": INSTRUCTIONS, "tools": ["lookup"]}},
            "tools": {"lookup": {"kind": "python", "function": "given:lookup"}},
            "memory": {
                "embedder": "none",
                "facts": {"extract": extract, "model": "x/x", "calls": 10**6, "tokens": 10**9},
            },
        }
    )
    models = {"m/m": ScriptedModel(agent), "x/x": ScriptedModel(extractor, name="x/x")}
    return await open_runtime(project, models=models, tools={"lookup": lookup})


async def _live(runtime: Runtime, said: dict[str, list[Said]]) -> None:
    learning = runtime.remembering.learning
    assert learning is not None
    for user, messages in said.items():
        caller = LOCAL_CALLER.acting(user)
        who = caller.scope
        for at in range(0, len(messages), 8):
            # A thread is a day; then the workers have their time.
            thread = await runtime.threads.create(who)
            for each in messages[at : at + 8]:
                request = RunRequest(input=each.text, thread_id=thread.id)
                _, feed = await runtime.runs.start_and_follow(caller, request)
                while await feed.next() is not None:
                    pass
                feed.close()
            await runtime.remembering.backlog.catch_up()
        await learning.catch_up()


async def _look(runtime: Runtime, user: str, said: list[Said], figures: Figures) -> None:
    who, owner = LOCAL_CALLER.acting(user).scope, f"user:{user}"
    memories: list[Memory] = []
    cursor: str | None = None
    while True:
        page = await runtime.memories.page(who, owner_for(who), cursor=cursor, limit=200)
        memories += page.items
        if (cursor := page.next) is None:
            break
    _judge_memories(memories, {each.text: each for each in said}, figures)
    history = await runtime.facts.history(who, owner, limit=10_000)
    _judge_facts(history.items, said, figures)


def _judge_memories(memories: list[Memory], said: dict[str, Said], figures: Figures) -> None:
    seen: set[str] = set()
    figures.memories += len(memories)
    for memory in sorted(memories, key=lambda memory: memory.id):
        text = " ".join(memory.text.split())
        kind = said[memory.text].kind if memory.text in said else "agent"
        if kind in ("greeting", "heartbeat") or (kind == "agent" and _is_junk(text)):
            figures.junk.append(text)
        if kind == "agent" and _repeats(text, said):
            figures.loops.append(text)
        if text.casefold() in seen:
            figures.duplicates.append(text)
        seen.add(text.casefold())
    told = {each.text for each in said.values() if each.kind in ("tells", "chats")}
    figures.told += len(told)
    figures.kept += len(told & {memory.text for memory in memories})


def _is_junk(text: str) -> bool:
    parts = [*INSTRUCTIONS.split(". "), *OUTPUT.split("; ")]
    phrases = ("HEARTBEAT_OK", "You're welcome", "I am an AI", "I see.", "From what you told me")
    return any(part.rstrip(".") in text for part in parts) or text.startswith(phrases)


def _repeats(text: str, said: dict[str, Said]) -> bool:
    """Whether an answer holds what a user had said before, or a line of the profile."""
    return "From what you told" in text or any(
        each.text in text for each in said.values() if each.kind in ("tells", "chats")
    )


def _judge_facts(facts: list[Fact], said: list[Said], figures: Figures) -> None:
    true: set[Truth] = {truth for each in said for truth in each.truths}
    known = {(fact.predicate, _plain(fact.value)) for fact in facts}
    figures.facts += len(facts)
    figures.invented += [
        f"{fact.predicate} = {fact.value}"
        for fact in facts
        if (fact.predicate, _plain(fact.value)) not in true
    ]
    figures.true += len(true)
    figures.learned += len(true & known)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | bool | int) else str(value)


def report(title: str, figures: Figures) -> bool:
    """Print the figures; whether all limits are kept."""
    print(
        f"\n{title}: {figures.messages} messages of users, {figures.memories} memories, "
        f"{figures.facts} versions of facts"
    )
    good = True
    for name, share in figures.shares().items():
        kept = share <= LIMITS[name]
        good = good and kept
        print(
            f"  {name:15} {share:7.2%}  (at most {LIMITS[name]:.0%}) {'' if kept else 'TOO MUCH'}"
        )
    print(
        f"  statements kept {figures.kept}/{figures.told}, "
        f"facts learned {figures.learned}/{figures.true}, "
        f"false claims of the model {figures.claimed}, refused {dict(figures.refused)}"
    )
    for name in ("junk", "duplicates", "loops", "invented"):
        for text, count in Counter(getattr(figures, name)).most_common(4):
            print(f"    {name}: {count} x {text[:90]!r}")
    return good


async def main() -> int:
    """Measure both ways of learning facts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    good = True
    for extract in ("plain", "model"):
        figures = await month(extract=extract, **vars(arguments))
        good = report(f"facts: {extract}", figures) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
