"""Fixtures of the tests of a server that runs for long."""

from __future__ import annotations

from tests.support.command import muxi, project, provider

__all__ = ["muxi", "project", "provider"]
