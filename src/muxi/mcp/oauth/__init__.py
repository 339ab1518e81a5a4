"""Signing in to remote MCP servers by OAuth 2.1. Called by connections and by `runtime`."""

from __future__ import annotations
