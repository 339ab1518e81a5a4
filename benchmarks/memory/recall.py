"""Recall of evidence in generated conversations: muxi beside plain search and mem0.

    .venv/bin/python benchmarks/memory/recall.py [--quick] [--mem0 /path/to/python/with/mem0ai]

R@k is the share of a question's evidence among the first k turns found, over all questions; MRR the
mean of one over the place of the first one. No language model takes part. See README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.memory.assistant import assistant
from benchmarks.memory.conversations import History, all_friends, summary
from benchmarks.memory.methods import Cached, FullText, Fused, Method, Muxi, Vectors
from benchmarks.memory.strangers import TONGUES, strangers
from muxi.core.errors import MuxiError
from muxi.models.embedded.minilm import MiniLMEmbedder
from muxi.models.embedded.static import StaticEmbedder

SEED = 20_000


def sets(quick: bool, seed: int = SEED) -> dict[str, list[History]]:
    """The three sets: weights were found on the first and checked on the others."""
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


async def methods(wanted: Sequence[str]) -> list[Method]:
    static = Cached(StaticEmbedder())
    found: list[Method] = [FullText(), Vectors(static, "static"), Fused(static, "static")]
    found += [Muxi(None, "no embedder"), Muxi(static, "static")]
    if "minilm" in wanted:
        mini = Cached(MiniLMEmbedder())
        try:
            await mini.embed(["Is it here?"])
        except MuxiError as error:
            print(f"MiniLM is left out: {error.message}")
        else:
            found[2:2] = [Vectors(mini, "MiniLM")]
            found[4:4] = [Fused(mini, "MiniLM")]
            found.append(Muxi(mini, "MiniLM"))
    return found


async def run(arguments: argparse.Namespace) -> None:
    for name, histories in sets(arguments.quick, arguments.seed).items():
        if arguments.set not in (None, name):
            continue
        print(f"\n## {name}: {summary(histories)}\n")
        print("| method | R@5 | R@10 | MRR | R@10 by kind of question |")
        print("| --- | --- | --- | --- | --- |")
        plain = 0.0
        for method in await methods(["minilm"] if arguments.minilm else []):
            found = await measure(method, histories)
            kinds = ", ".join(f"{kind} {value:.3f}" for kind, value in list(found.items())[3:])
            if not isinstance(method, (Muxi, Fused)):
                plain = max(plain, found["R@10"])
            more = f" ({found['R@10'] / plain:.2f} x plain)" if isinstance(method, Muxi) else ""
            print(
                f"| {method.name} | {found['R@5']:.3f} | {found['R@10']:.3f}{more} | "
                f"{found['MRR']:.3f} | {kinds} |",
                flush=True,
            )
            if isinstance(method, Muxi):
                await method.close()
                method.cpu.sort()
                print(
                    f"<!-- CPU {1000 * method.cpu[len(method.cpu) // 2]:.2f} ms at the median -->"
                )
        if arguments.mem0:
            from benchmarks.memory.peers import mem0

            await mem0(Path(arguments.mem0), name, histories)


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
