"""Fixtures of the tests of who may use a server."""

from __future__ import annotations

from tests.support.command import muxi, project, provider

__all__ = ["muxi", "project", "provider"]
