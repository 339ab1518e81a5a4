"""Fixtures of the tests of files that are sent by other people's clients."""

from __future__ import annotations

from tests.support.command import muxi, project, provider

__all__ = ["muxi", "project", "provider"]
