"""The base of what a project may say of a kind of built-in tools. One class a kind.

`tool_settings` joins them; `tools.builtin.catalogue` says who makes tools of them.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from muxi.config.model_settings import Section


def _known_zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError("zone", "Input should be a zone such as Europe/Paris") from None
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""The IANA name of a zone."""


class ToolKind(Section):
    """Options of one kind. Subclasses add `kind`, the literal name of theirs, with that default."""

    functions: ClassVar[tuple[str, ...]] = ()
    """Names of the functions that the kind brings; empty if it is one of the kind's own name."""

    @classmethod
    def name(cls) -> str:
        """The name of the kind."""
        return str(cls.model_fields["kind"].default)

    @classmethod
    def function_names(cls) -> tuple[str, ...]:
        """What the model may call, by name."""
        return cls.functions or (cls.name(),)

    def offered(self) -> tuple[str, ...]:
        """Those of them that these options leave to agents."""
        return self.function_names()
