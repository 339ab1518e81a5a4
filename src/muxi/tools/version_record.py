"""The record of tools as they were: each version's schema, to tell whether a later one says enough.

A file that is kept with the project, in order and readable. Written by `muxi tool check --record`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from muxi.core.errors import ConfigError, InvalidInput
from muxi.core.record import Record
from muxi.core.requests import ToolAnnotations, ToolExample, ToolSpec
from muxi.core.tools import ToolFinding
from muxi.core.versions import UNVERSIONED, Version
from muxi.tools.schema_change import LEVELS, Level, change_of

RECORD_FILE: Final = "muxi.tools.json"

_LARGEST: Final = 20_000_000


class RecordedTool(Record):
    """What callers of one version depend on."""

    description: str = ""
    parameters: dict[str, Any]
    annotations: ToolAnnotations = ToolAnnotations()
    examples: tuple[ToolExample, ...] = ()
    idempotent: bool = False

    @classmethod
    def of(cls, spec: ToolSpec) -> RecordedTool:
        return cls.model_validate(
            {name: getattr(spec, name) for name in cls.model_fields}, from_attributes=True
        )

    def spec(self, name: str) -> ToolSpec:
        """As it was."""
        return ToolSpec(
            name=name, **{field: getattr(self, field) for field in type(self).model_fields}
        )


_FORMAT: Final = TypeAdapter(dict[str, dict[str, RecordedTool]])


@dataclass(slots=True)
class VersionRecord:
    """Versions of tools by name, as they were recorded."""

    tools: dict[str, dict[str, RecordedTool]] = field(
        default_factory=dict[str, dict[str, RecordedTool]]
    )

    @classmethod
    def load(cls, file: Path) -> VersionRecord:
        """The record in `file`; an empty one if there is no such file.

        Raises:
            ConfigError: It cannot be read.
        """
        try:
            if file.stat().st_size > _LARGEST:
                raise ConfigError(f"{file} is larger than {_LARGEST:,} bytes.")
            text = file.read_bytes()
        except FileNotFoundError:
            return cls()
        except OSError as error:
            reason = (error.strerror or "unreadable").lower()
            raise ConfigError(f"{file} cannot be read: {reason}.") from error
        try:
            found = _FORMAT.validate_json(text)
            for versions in found.values():
                for version in versions:
                    Version.parse(version)
        except (ValidationError, InvalidInput) as error:
            raise ConfigError(
                f"{file} is no record of tools.",
                hint="Restore it from version control, or delete it to begin anew.",
            ) from error
        return cls(found)

    @property
    def text(self) -> str:
        """It as a file, the same for the same tools."""
        plain = _FORMAT.dump_python(self.tools, mode="json", exclude_defaults=True)
        ordered = {
            name: dict(sorted(versions.items(), key=lambda each: Version.parse(each[0]).key))
            for name, versions in sorted(plain.items())
        }
        return json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"

    def save(self, file: Path) -> None:
        """Write it whole or not at all."""
        fresh = file.with_name(f"{file.name}.new")
        fresh.write_text(self.text, "utf-8")
        fresh.replace(file)

    def knows(self, spec: ToolSpec) -> bool:
        """Whether this version of the tool is recorded."""
        return spec.version in self.tools.get(spec.name, {})

    def add(self, spec: ToolSpec) -> None:
        """Record a tool as it is, in place of what was recorded of the same version."""
        self.tools.setdefault(spec.name, {})[spec.version or UNVERSIONED] = RecordedTool.of(spec)

    def judge(self, spec: ToolSpec) -> ToolFinding | None:
        """What is wrong with the version of a tool, compared with the nearest one before it."""
        if spec.version in (None, UNVERSIONED):
            return None
        now = Version.parse(spec.version)
        known = {Version.parse(each): each for each in self.tools.get(spec.name, {})}
        before = max((each for each in known if not now < each), key=lambda v: v.key, default=None)
        if before is None:
            return None
        old = self.tools[spec.name][known[before]].spec(spec.name)
        change = change_of(old, spec)
        needed = needed_after(before, change.level)
        # A prerelease of the version that is needed says as much.
        said = now if before.tags else Version(now.numbers)
        if change.level == "none" or not said < needed:
            return None
        return ToolFinding(
            tool=spec.name,
            before=str(before),
            now=str(now),
            change=change.level,
            needed=str(needed),
            reasons=list(change.reasons),
            severity="warning" if change.level == "patch" else "error",
        )


def needed_after(before: Version, level: Level) -> Version:
    """The lowest version that says of a change of `before` how far it goes.

    Before 1.0.0 the second number stands for what breaks and the third for the rest. A prerelease
    may be followed by any later one of the same numbers.
    """
    if level == "none":
        return before
    if before.tags:
        return Version(before.numbers, (*before.tags, "0"))
    major, minor, patch = before.numbers
    place = LEVELS[::-1].index(level)
    if major == 0:
        place = min(place + 1, 2)
    return Version(((major + 1, 0, 0), (major, minor + 1, 0), (major, minor, patch + 1))[place])
