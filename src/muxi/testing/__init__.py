"""For users of muxi: doubles, conformance suites and the pytest plugin.

May import every room, and nothing imports it.
"""

from __future__ import annotations

from muxi.models.scripted import Gate, Reply, ScriptedModel, call, echo_model

__all__ = ["Gate", "Reply", "ScriptedModel", "call", "echo_model"]
