"""How Google's API names its models. Used by all that speak it."""

from __future__ import annotations

from urllib.parse import quote


def resource_of(model: str) -> str:
    """The resource that is meant: a tuned model bears its collection, others are of `models`."""
    return model if "/" in model else f"models/{model}"


def path_of(model: str, method: str) -> str:
    """Where a method of a model is called, below the base URL."""
    return f"/{quote(resource_of(model))}:{method}"
