"""A user's own credentials for tools, as they cross a door. Data only."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from muxi.core.record import Record


class CredentialInfo(Record):
    """A credential that users may bring. Its value is never told."""

    name: str
    """The name by which tools of the project ask for it; of a login `mcp.SERVER`."""
    kind: Literal["secret", "login"] = "secret"
    """`login`: nothing is typed, the user signs in to an MCP server with a browser."""
    title: str
    help: str | None = None
    """How a user gets one."""
    required: bool = False
    """Whether runs of a user without one are refused it, rather than given the project's."""
    updated_at: datetime | None = None
    """When the user has set their own; None if they have not."""
