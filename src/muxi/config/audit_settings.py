"""How long the audit log is kept: the section `audit`. Read by `project`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from muxi.config.model_settings import Section


class AuditSettings(Section):
    """The log of who did what."""

    keep_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days after which entries are removed, the oldest first; null keeps them for ever. What is
    left can still be verified."""
