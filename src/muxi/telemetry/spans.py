"""Spans around what muxi does, for a program that has set up OpenTelemetry. Called by `runtime`.

Nothing is exported by itself, and OpenTelemetry is not even imported unless the program did so:
without a provider that somebody configured, a span has no reader.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

Attribute = str | int | float | bool


@contextmanager
def span(name: str, **attributes: Attribute) -> Generator[None]:
    """Do the block inside a span; an error that leaves the block is recorded on it.

    A double underscore in an attribute's name stands for a dot: `gen_ai__agent__name`.
    """
    if "opentelemetry.trace" not in sys.modules:
        yield
        return
    from opentelemetry import trace

    tracer = trace.get_tracer("muxi")
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    with tracer.start_as_current_span(name, attributes=named):
        yield
