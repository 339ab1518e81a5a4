"""Records are stored without their empty fields, and come back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from muxi.core.messages import Message
from muxi.core.requests import ToolSpec
from muxi.core.steps import Step
from muxi.core.threads import Run, RunTerms, Thread
from muxi.core.usage import Limits, Usage
from muxi.storage.runs import encoded


def models_in(annotation: Any, seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """All models that a value of this type may hold, `seen` ones left out."""
    for each in get_args(annotation):
        yield from models_in(each, seen)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in seen:
            return
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation, seen)


@pytest.mark.parametrize("noun", [Thread, Message, Step, Run])
def test_a_field_that_is_left_out_when_it_is_empty_is_empty_by_default(
    noun: type[BaseModel],
) -> None:
    # The first reads a cost that is not told as unknown; a run with others is stored whole.
    apart = {Usage, Limits, ToolSpec}
    changed = [
        f"{model.__name__}.{name}"
        for model in models_in(noun, set())
        if model not in apart
        for name, field in model.model_fields.items()
        if type(None) in get_args(field.annotation) and field.default is not None
    ]
    assert changed == []


@pytest.mark.parametrize(
    "run",
    [
        Run(thread_id="thr_1", agent="a"),
        Run(thread_id="thr_1", agent="a", usage=Usage(cost=None), output={"answer": None}),
        Run(thread_id="thr_1", agent="a", limits=Limits(turns=None, tool_calls=None)),
        Run(
            thread_id="thr_1",
            agent="a",
            terms=RunTerms(tools=[ToolSpec(name="t", description="", timeout=None)]),
        ),
    ],
)
def test_a_run_comes_back_as_it_was_stored(run: Run) -> None:
    assert Run.model_validate_json(encoded(run)) == run


def test_a_run_of_a_usual_agent_takes_no_page_of_its_own() -> None:
    """SQLite gives a row of more than a quarter of a page (1,002 bytes) another page."""
    run = Run(thread_id="thr_" + 32 * "0", agent="assistant", agent_hash=64 * "0")
    assert len(encoded(run)) < 600
