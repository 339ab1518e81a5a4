"""How a project says that it signs in to MCP servers: what it must not leave out."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from muxi.config.mcp_settings import McpServerSettings

URL = "https://example.com/mcp"


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"client_id": "me"},
        {"client_id": "me", "client_secret": "${SECRET:-}", "issuer": "https://a.example"},
        {"client_metadata_url": "https://me.example/client.json", "scopes": ["a", "b:c"]},
        {"redirect_url": "http://localhost:8914/callback"},
        {"grant": "client", "client_id": "me", "client_secret": "x", "issuer": "https://a.example"},
    ],
)
def test_what_a_server_needs_is_accepted(auth: dict[str, Any]) -> None:
    assert McpServerSettings.model_validate({"url": URL, "auth": auth}).auth is not None


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"client_secret": "x"}, "`client_secret` needs `client_id`"),
        ({"issuer": "https://a.example"}, "`issuer` needs `client_id`"),
        ({"client_id": "me", "client_metadata_url": "https://me.example/c"}, "either `client_id`"),
        ({"grant": "client", "client_id": "me", "client_secret": "x"}, "and `issuer`"),
        ({"client_metadata_url": "https://me.example/"}, "pattern"),
        ({"client_metadata_url": "http://me.example/client.json"}, "pattern"),
        ({"redirect_url": "http://example.com:80/callback"}, "pattern"),
        ({"scopes": ["two words"]}, "pattern"),
        ({"password": "x"}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_a_mistake(auth: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        McpServerSettings.model_validate({"url": URL, "auth": auth})


def test_a_local_server_has_nothing_to_sign_in_to() -> None:
    with pytest.raises(ValidationError, match="a local server has no `auth`"):
        McpServerSettings.model_validate({"command": ["x"], "auth": {"client_id": "me"}})
