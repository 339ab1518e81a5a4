"""What a project says of the key that its secrets are sealed with. Data only.

`runtime.master_keys` finds it there.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muxi.config.model_settings import Seconds, Section

KEY_VARIABLE = "MUXI_MASTER_KEY"


class MasterKeySettings(Section):
    """Where the key is that wraps the keys of all stored secrets."""

    source: Literal["auto", "file", "environment", "service"] = "auto"
    """Where it is; `auto` is the environment variable if that is set, else the file."""
    file: Annotated[str, Field(min_length=1)] | None = None
    """The file, from the project's folder; by default `.muxi/master.key`."""
    variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = KEY_VARIABLE
    """The environment variable: 64 hexadecimal digits; former keys may follow after a space."""
    service: list[Annotated[str, Field(min_length=1)]] | None = None
    """Command of a program that wraps the key with one that a key service (KMS) keeps."""
    timeout: Seconds = 30.0
    """Seconds that the program may take."""

    @model_validator(mode="after")
    def _service_has_a_command(self) -> MasterKeySettings:
        if (self.source == "service") != bool(self.service):
            raise PydanticCustomError("incomplete", "`source: service` and `service` go together")
        return self
