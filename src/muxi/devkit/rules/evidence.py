"""All that is known of a server when it is judged. Gathered by `devkit.examination`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from muxi.core.json_shapes import is_array
from muxi.devkit.exchange import Anomaly, Json
from muxi.devkit.project_files import ProjectFiles
from muxi.devkit.session import Reply
from muxi.devkit.survey import Survey
from muxi.devkit.target import Target


@dataclass(slots=True)
class Probe:
    """A question that every server must know to answer, and what it answered."""

    name: str
    reply: Reply | None
    """None if there was no answer in time, or the server was gone."""


@dataclass(slots=True)
class Call:
    """One call of a tool that says that it only reads."""

    tool: Json
    arguments: Json
    fits: bool
    """Whether the arguments are what the tool's schema allows."""
    reply: Reply


@dataclass(slots=True)
class Visit:
    """What one session in one revision showed."""

    survey: Survey
    again: list[Json] = field(default_factory=list[Json])
    """The tools as they were listed a second time."""
    probes: dict[str, Probe] = field(default_factory=dict[str, Probe])
    calls: list[Call] = field(default_factory=list[Call])
    died_of: str = ""
    """The probe after which the server was gone."""
    ending_took: float | None = None
    """Seconds between the end of its input and its own."""
    said_lines: int = 0
    """Lines on its standard error."""


@dataclass(slots=True)
class HttpFacts:
    """How a server answers over HTTP what no client of good faith sends."""

    url: str
    local: bool
    """Whether it listens on this machine only."""
    statuses: dict[str, int] = field(default_factory=dict[str, int])
    """Probe to the status of the answer; 0 if there was none."""


@dataclass(slots=True)
class Evidence:
    """What rules judge."""

    target: Target
    transport: str
    visits: dict[str, Visit] = field(default_factory=dict[str, Visit])
    """By the revision that was asked for, the newest first."""
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Why a revision could not be spoken."""
    http: HttpFacts | None = None
    project: ProjectFiles | None = None

    @property
    def main(self) -> Visit:
        """The visit in the newest revision that the server speaks."""
        return next(iter(self.visits.values()))

    @property
    def tools(self) -> list[Json]:
        """Its tools."""
        return self.main.survey.items("tools")

    @property
    def prompts(self) -> list[Json]:
        """Its prompts."""
        return self.main.survey.items("prompts")

    @property
    def resources(self) -> list[Json]:
        """Its resources."""
        return self.main.survey.items("resources")

    @property
    def templates(self) -> list[Json]:
        """Its templates of resources."""
        return self.main.survey.items("templates")

    @property
    def anomalies(self) -> Iterator[tuple[str, Anomaly]]:
        """What went wrong on the wire, with the revision in which it did."""
        for revision, visit in self.visits.items():
            for anomaly in visit.survey.anomalies:
                yield revision, anomaly

    @property
    def calls(self) -> Iterator[Call]:
        """Every call that was made, in any revision."""
        for visit in self.visits.values():
            yield from visit.calls


def words(item: Json, key: str) -> str:
    """A text of a definition; empty where there is none."""
    found = item.get(key)
    return found if isinstance(found, str) else ""


def mapping(item: Json, key: str) -> Json:
    """An object of a definition; empty where there is none."""
    found = item.get(key)
    return cast("Json", found) if isinstance(found, dict) else {}


def items(item: Json, key: str) -> list[Any]:
    """A list of a definition; empty where there is none."""
    found = item.get(key)
    return found if is_array(found) else []


def parameters(tool: Json) -> Iterator[tuple[str, Json]]:
    """The parameters of a tool that are described by an object."""
    for name, part in mapping(mapping(tool, "inputSchema"), "properties").items():
        if isinstance(part, dict):
            yield name, cast("dict[str, Any]", part)


def named(kind: str, item: Json) -> str:
    """How a complaint names a definition: `tool add`."""
    key = {"resource": "uri", "template": "uriTemplate"}.get(kind, "name")
    return f"{kind} {item.get(key) or item.get('name') or '(unnamed)'}"
