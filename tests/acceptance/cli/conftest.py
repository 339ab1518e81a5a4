"""Fixtures of the command's tests."""

from __future__ import annotations

from tests.support.command import muxi, project, provider

__all__ = ["muxi", "project", "provider"]
