"""Recall, tokens and time of tool search over a thousand tools. See docs/design/tool-search.md."""

from __future__ import annotations

import argparse
import time

from benchmarks.tools.catalogue import Prompt, foreign, prompts, thousand_tools
from muxi.core.requests import ToolSpec
from muxi.models.embedded.static import StaticEmbedder
from muxi.retrieval.tool_index import ToolIndex


def recall(index: ToolIndex, cases: list[Prompt], limit: int) -> float:
    """Share of the prompts whose tool is among the first `limit`."""
    found = [{spec.name for spec in index.find(case.prompt, limit)} for case in cases]
    return sum(case.tool in names for case, names in zip(cases, found, strict=True)) / len(cases)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--show", action="store_true", help="tell what was not found")
    show = parser.parse_args().show
    others, of_others = foreign()
    tools: tuple[ToolSpec, ...] = (*thousand_tools(), *others)
    all_prompts = [*prompts(), *of_others]
    embedder = StaticEmbedder()
    embedder.vectors(["warm"])
    for label, vectors in (("words alone", None), ("words and vectors", embedder)):
        begun = time.process_time()
        index = ToolIndex.of(tools, vectors)
        made = time.process_time() - begun
        for name in ("choose", "held out", "foreign"):
            cases = [case for case in all_prompts if case.set == name]
            begun = time.process_time()
            figures = "  ".join(
                f"@{limit} {recall(index, cases, limit):.2f}" for limit in (1, 3, 5, 10)
            )
            each = (time.process_time() - begun) / len(cases) / 4 * 1000
            print(f"{label:18} {name:9} n={len(cases)}  {figures}  {each:.2f} ms a question")
        print(f"{label:18} made in {made:.2f} s of CPU")
    if show:
        for case in all_prompts:
            names = [spec.name for spec in index.find(case.prompt, 5)]
            if case.tool not in names:
                print(f"{case.set}: {case.prompt}\n    {case.tool}, not {', '.join(names)}")


if __name__ == "__main__":
    main()
