"""The command in a project with a model on this machine."""

from __future__ import annotations

from support.command import muxi, project, provider

__all__ = ["muxi", "project", "provider"]
