"""Files that people send: the section `files`. Read by `project`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from muxi.config.model_settings import Positive, Section


class FileSettings(Section):
    """What people may send, how much of it, and who looks at it first."""

    megabytes: Positive = 512
    """The largest file."""
    quota_megabytes: Positive = 5_120
    """What the files of one user may take together, those still being sent included."""
    hours: Positive = 24
    """Hours after which a file that was not sent to its end is dropped."""
    accept: Annotated[list[str], Field(min_length=1)] = Field(default_factory=lambda: ["*/*"])
    """Media types that are taken, such as `image/*`; what counts is what the bytes are."""
    scan: str | list[str] | None = None
    """What looks at each file before anybody may use it: a function of the project,
    `scanning.py:scan`, or a command with its arguments, in which `{path}` stands for the file."""
    scan_seconds: Positive = 60
    """Seconds that it may take."""
    thumbnail: Annotated[int, Field(ge=0, le=2_048)] = 320
    """Pixels of the longer side of the small pictures that are made of images; 0 makes none."""
