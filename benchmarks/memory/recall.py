"""Recall of evidence in generated conversations: muxi beside plain search and mem0.

    .venv/bin/python benchmarks/memory/recall.py [--quick] [--mem0 /path/to/python/with/mem0ai]

R@k is the share of a question's evidence among the first k turns found, over all questions; MRR the
mean of one over the place of the first one. No language model takes part. See README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.memory.assistant import assistant
from benchmarks.memory.conversations import History, all_friends, summary
from benchmarks.memory.methods import Cached, FullText, Fused, Method, Muxi, Vectors
from benchmarks.memory.peers import mem0
from benchmarks.memory.strangers import TONGUES, strangers
from muxi.core.errors import MuxiError
from muxi.models.embedded.minilm import MiniLMEmbedder
from muxi.models.embedded.static import StaticEmbedder
from muxi.models.embedding import Embedder

SEED = 20_000


def sets(quick: bool, seed: int = SEED) -> dict[str, list[History]]:
    """The three sets, each made in its own way."""
    return {
        "friends": list(all_friends(2 if quick else 10, seed)),
        "assistant": [assistant(f"assistant-{n}", seed + n) for n in range(2 if quick else 8)],
        "strangers": [
            strangers(f"strangers-{tongue}-{n}", seed + n, tongue)
            for tongue in TONGUES
            for n in range(1 if quick else 3)
        ],
    }


async def measure(method: Method, histories: Sequence[History]) -> dict[str, float]:
    """R@5, R@10 and MRR, and R@10 of each kind of question under its name."""
    totals: dict[str, list[float]] = {"R@5": [], "R@10": [], "MRR": []}
    for history in histories:
        await method.read(history)
        for asked in history.questions:
            ranked = await method.rank(asked.text)
            for k in (5, 10):
                hit = sum(place in ranked[:k] for place in asked.evidence)
                totals[f"R@{k}"].append(hit / len(asked.evidence))
            places = [ranked.index(place) for place in asked.evidence if place in ranked]
            totals["MRR"].append(1 / (1 + min(places)) if places else 0.0)
            totals.setdefault(asked.kind, []).append(totals["R@10"][-1])
    return {name: sum(values) / len(values) for name, values in totals.items()}


async def embedders(minilm: bool) -> dict[str, Embedder]:
    """Those that are here, by what the table calls them."""
    found: dict[str, Embedder] = {"static": Cached(StaticEmbedder())}
    if minilm:
        model = Cached(MiniLMEmbedder())
        try:
            await model.embed(["Is it here?"])
        except MuxiError as error:
            print(f"MiniLM is left out: {error.message}")
        else:
            found["MiniLM"] = model
    return found


@dataclass
class Together:
    """What each method found over the questions of all sets, every question counting alike."""

    asked: int = 0
    found: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, method: str, found: Mapping[str, float], questions: int) -> None:
        sums = self.found.setdefault(method, {})
        for name in ("R@5", "R@10", "MRR"):
            sums[name] = sums.get(name, 0.0) + found[name] * questions

    def show(self) -> None:
        """Print the table; plain are full text and vectors alone."""
        print(f"\n## all sets: {self.asked} questions\n")
        print("| method | R@5 | R@10 | MRR |\n| --- | --- | --- | --- |")
        means = {
            method: {name: value / self.asked for name, value in sums.items()}
            for method, sums in self.found.items()
        }
        plain = ("full text", "vectors")
        best = max(each["R@10"] for name, each in means.items() if name.startswith(plain))
        for name, each in means.items():
            more = f" ({each['R@10'] / best:.2f} x plain)" if name.startswith("muxi") else ""
            print(f"| {name} | {each['R@5']:.3f} | {each['R@10']:.3f}{more} | {each['MRR']:.3f} |")


async def run(arguments: argparse.Namespace) -> None:
    known = await embedders(arguments.minilm)
    together = Together()
    for name, histories in sets(arguments.quick, arguments.seed).items():
        if arguments.set not in (None, name):
            continue
        together.asked += sum(len(history.questions) for history in histories)
        print(f"\n## {name}: {summary(histories)}\n")
        print("| method | R@5 | R@10 | MRR | CPU ms | R@10 by kind of question |")
        print("| --- | --- | --- | --- | --- | --- |")
        plain: list[Method] = [FullText(), *(Vectors(e, label) for label, e in known.items())]
        best = max([await report(method, histories, together) for method in plain])
        for label, embedder in known.items():
            await report(Fused(embedder, label), histories, together)
        if arguments.mem0:
            found, cpu = await mem0(Path(arguments.mem0), histories, [*known.values()][-1])
            await report(found, histories, together, cpu=cpu["search_ms"])
        for label, embedder in {"no embedder": None, **known}.items():
            method = Muxi(embedder, label)
            await report(method, histories, together, best=best)
            await method.close()
    together.show()


async def report(
    method: Method,
    histories: Sequence[History],
    together: Together,
    *,
    best: float = 0.0,
    cpu: float = 0.0,
) -> float:
    """Measure, print a row of the table, and give R@10."""
    found = await measure(method, histories)
    together.add(method.name, found, sum(len(history.questions) for history in histories))
    kinds = ", ".join(f"{kind} {value:.3f}" for kind, value in list(found.items())[3:])
    more = f" ({found['R@10'] / best:.2f} x plain)" if best else ""
    if isinstance(method, Muxi):
        cpu = 1000 * sorted(method.cpu)[len(method.cpu) // 2]
    print(
        f"| {method.name} | {found['R@5']:.3f} | {found['R@10']:.3f}{more} | {found['MRR']:.3f} | "
        f"{f'{cpu:.1f}' if cpu else ''} | {kinds} |",
        flush=True,
    )
    return found["R@10"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the histories")
    parser.add_argument("--no-minilm", dest="minilm", action="store_false")
    parser.add_argument("--set", choices=["friends", "assistant", "strangers"])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--mem0", help="a Python in whose environment mem0ai is installed")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
