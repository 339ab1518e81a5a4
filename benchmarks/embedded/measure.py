"""Measures the choice of tools and arguments over the labelled requests. See README.md."""

from __future__ import annotations

import argparse
import time

from benchmarks.embedded.cases import Case, builtin_specs, cases, custom_specs, right_arguments
from muxi.core.requests import ToolSpec
from muxi.models.embedded.decision import decide
from muxi.models.embedded.minilm import MiniLMEmbedder
from muxi.models.embedded.router import Router
from muxi.models.embedded.static import StaticEmbedder
from muxi.models.embedded.word_likeness import WordLikeness

SETS = {
    "development": (("development.jsonl",), builtin_specs),
    "held out": (("held_out.jsonl",), builtin_specs),
    "strangers": (("strangers.jsonl",), builtin_specs),
    "late strangers": (("late_strangers.jsonl",), builtin_specs),
    "custom tools": (("custom_requests.jsonl",), custom_specs),
    "custom and built-in tools": (
        ("custom_requests.jsonl",),
        lambda: custom_specs() + builtin_specs(),
    ),
}


def judge(
    router: Router, likeness: WordLikeness, case: Case, specs: tuple[ToolSpec, ...]
) -> tuple[bool, bool, str]:
    """Whether the tool is right, whether the arguments are too, and what was decided."""
    decision = decide(case.request, specs, "auto", router=router, likeness=likeness)
    name = decision.spec.name if decision else None
    if name != case.tool:
        return False, False, str(name)
    if decision is None:
        return True, True, "none"
    given = decision.filled
    right = not given.missing and right_arguments(case, decision.spec, given.arguments)
    return True, right, f"{name} {given.arguments} {given.missing}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--show", nargs="*", default=[], help="sets whose mistakes are shown")
    show = parser.parse_args().show
    likeness = WordLikeness(StaticEmbedder())
    for encoder in (StaticEmbedder(), MiniLMEmbedder()):
        router = Router(encoder)
        for label, (files, specs) in SETS.items():
            chosen = [case for file in files for case in cases(file)]
            offered = specs()
            begun = time.process_time()
            judged = [judge(router, likeness, case, offered) for case in chosen]
            spent = time.process_time() - begun
            tools = sum(tool for tool, _, _ in judged) / len(chosen)
            called = [
                right for case, (_, right, _) in zip(chosen, judged, strict=True) if case.tool
            ]
            print(
                f"{encoder.name:28} {label:26} n={len(chosen):3} tool {tools:.3f} "
                f"arguments {sum(called) / len(called):.3f} {spent / len(chosen):.3f} CPU s each"
            )
            for case, (tool, right, said) in zip(chosen, judged, strict=True):
                if label in show and not (tool and right):
                    print(f"    {case.request!r}: {said}; wanted {case.tool} {case.arguments}")


if __name__ == "__main__":
    main()
