"""What a project says of the credentials that its users may bring themselves. Data only.

`runtime.credentials` keeps them, for tools that ask for them with `ctx.secret(NAME)`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from muxi.config.model_settings import Section

CredentialName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$")]


class CredentialSettings(Section):
    """A secret that each user may have one of, used in that user's runs before the project's."""

    title: str | None = None
    """What people call it; by default its name."""
    help: str | None = None
    """How a user gets one, such as an address."""
    required: bool = False
    """Whether a run of a user without one is refused it, rather than given the project's."""
