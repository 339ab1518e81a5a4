"""The official conformance suite of MCP, pinned and run: https://www.npmjs.com/package/@modelcontextprotocol/conformance.

Called by `muxi mcp validate --conformance` and by the tests of muxi's own server and client. Its
exit code and its totals are never trusted alone: a dead server lets dozens of its checks pass, and
a scenario without any check counts as passed. A report compares the checks themselves, by id.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from muxi.core.errors import ProgramFailed
from muxi.core.record import Record
from muxi.devkit.node import Node
from muxi.devkit.relay import check_alive, relayed

PACKAGE: Final = "@modelcontextprotocol/conformance"
VERSION: Final = "0.2.0-alpha.12"
"""The newest; the tag `latest` points at one that does not know revision 2026-07-28."""

Revision = Literal["2025-11-25", "2026-07-28"]
Role = Literal["server", "client"]
Status = Literal["success", "failure", "warning", "skipped", "info"]

ANY_SERVER: Final[Mapping[Revision, tuple[str, ...]]] = {
    "2025-11-25": (
        "server-initialize",
        "ping",
        "tools-list",
        "server-sse-multiple-streams",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
        "server-session-lifecycle",
    ),
    "2026-07-28": (
        "tools-list",
        "server-sse-multiple-streams",
        "resources-list",
        "prompts-list",
        "sep-2164-resource-not-found",
        "dns-rebinding-protection",
        "caching",
        "http-header-validation",
    ),
}
"""Scenarios that ask for no tool, resource or prompt of the suite's own fixture."""

_ANY_MESSAGE: Final = "wire-schema-valid"
"""A check that holds also when no message came at all."""
_LINE: Final = 400
"""Characters of a line of output that are kept: a crash of the suite prints its source."""
_SCENARIO_MS: Final[Mapping[Role, int]] = {"server": 20_000, "client": 120_000}
"""Milliseconds of a scenario. All scenarios of a client begin at once, so each gets a share."""


class Check(Record):
    """One thing that the suite looked at."""

    scenario: str
    id: str
    status: Status
    required: bool
    """Whether the revision requires the scenario."""
    message: str = ""
    """What the suite says of a check that did not pass."""


class Report(Record):
    """What the suite found."""

    suite: str = f"{PACKAGE}@{VERSION}"
    role: Role
    revision: Revision
    checks: list[Check]
    expected: list[str]
    """The scenarios that were to be run and are required."""
    output: str = Field("", repr=False)
    """The suite's own words, for people."""

    @property
    def passed(self) -> list[Check]:
        """The required checks that hold."""
        return [check for check in self.checks if check.required and check.status == "success"]

    @property
    def failed(self) -> list[Check]:
        """The required checks that do not hold."""
        return [check for check in self.checks if check.required and check.status == "failure"]

    @property
    def silent(self) -> list[str]:
        """Required scenarios in which nothing was found to hold: they prove nothing."""
        seen = {check.scenario for check in self.passed if check.id != _ANY_MESSAGE}
        return [name for name in self.expected if name not in seen]

    @property
    def ok(self) -> bool:
        """Whether every required scenario showed something, and nothing in it failed."""
        return not self.failed and not self.silent

    def ids(self) -> dict[str, list[str]]:
        """The ids of the required checks that hold, by scenario; one may hold several times."""
        found: dict[str, list[str]] = {name: [] for name in sorted(self.expected)}
        for check in self.passed:
            found[check.scenario].append(check.id)
        return {name: sorted(ids) for name, ids in found.items()}

    def missing(self, other: Mapping[str, Sequence[str]]) -> list[str]:
        """Checks of `other`, as `ids` gives them, that do not hold here, as `scenario: id`."""
        here = Counter((check.scenario, check.id) for check in self.passed)
        there = Counter((name, check) for name, checks in other.items() for check in checks)
        return [f"{name}: {check}" for name, check in sorted((there - here).elements())]


@dataclass(frozen=True, slots=True)
class Suite:
    """The installed suite."""

    node: Node
    script: Path

    @classmethod
    def ensure(cls, folder: Path) -> Suite:
        """The suite, installed below `folder` if it is not there yet.

        Raises:
            MissingExtra: There is no Node.js that it could run on.
            ProgramFailed: npm could not get it.
        """
        node = Node.find()
        home = node.install(folder / f"conformance-{VERSION}", [f"{PACKAGE}@{VERSION}"])
        return cls(node, home / "node_modules" / PACKAGE / "dist" / "index.js")

    async def server(
        self,
        url: str,
        requirements: Revision,
        *,
        headers: Mapping[str, str] | None = None,
        scenarios: Sequence[str] = (),
        keep: Path | None = None,
    ) -> Report:
        """Check a server at `url` against what a revision requires.

        Args:
            url: Address of its endpoint over HTTP.
            requirements: The revision.
            headers: What every request needs besides, such as credentials.
            scenarios: Only these instead; each of them counts as required.
            keep: A folder for `output.txt`, the suite's own words, and `report.json`.

        Raises:
            ServerUnavailable: Nothing there answers as a server of MCP does.
            ProgramFailed: The suite itself failed.
        """
        await check_alive(url, headers)
        async with relayed(url, headers) as reached:
            report = await self._run("server", ["--url", reached], requirements, scenarios, keep)
        # One that died on the way would have let checks pass, too.
        await check_alive(url, headers)
        return report

    async def client(
        self,
        command: str,
        requirements: Revision,
        *,
        scenarios: Sequence[str] = (),
        keep: Path | None = None,
    ) -> Report:
        """Check a client, which `command` starts once a scenario with the server's URL appended.

        The environment names the scenario: `MCP_CONFORMANCE_SCENARIO`, `..._CONTEXT` (JSON) and
        `..._PROTOCOL_VERSION`. Arguments and errors are those of `server`.
        """
        return await self._run("client", ["--command", command], requirements, scenarios, keep)

    async def required(self, role: Role, revision: Revision) -> list[str]:
        """Names of the scenarios that a revision requires of a server or a client."""
        told = await self._call("list", "--requirements", revision)
        titles = {"Server scenarios": "server", "Client scenarios": "client"}
        found: list[str] = []
        current = None
        for line in told.splitlines():
            if line and not line.startswith(" "):
                current = next((titles[key] for key in titles if line.startswith(key)), None)
            elif current == role and line.startswith("  - "):
                found.append(line.removeprefix("  - ").strip())
        if not found:
            raise ProgramFailed(f"The suite names no scenarios of {revision}: {told[:_LINE]}")
        return found

    async def _run(
        self,
        role: Role,
        target: list[str],
        revision: Revision,
        scenarios: Sequence[str],
        keep: Path | None,
    ) -> Report:
        required = list(scenarios) or await self.required(role, revision)
        with tempfile.TemporaryDirectory(prefix="muxi-conformance-") as scratch:
            folder = Path(scratch)
            options = ["--timeout", str(_SCENARIO_MS[role]), "-o", str(folder)]
            if scenarios:
                # Scenarios of extensions belong to no revision, and run only when forced.
                options += ["--spec-version", revision, "--force"]
                runs = [["--scenario", name] for name in scenarios]
            else:
                runs = [["--requirements", revision]]
            told = [await self._call(role, *target, *options, *run) for run in runs]
            checks = _read(folder, set(required))
        output = "\n".join(told)
        if not checks:
            raise ProgramFailed(f"The conformance suite said nothing: {output[-_LINE:]}")
        report = Report(
            role=role, revision=revision, checks=checks, expected=required, output=output
        )
        if keep is not None:
            await asyncio.to_thread(_keep, report, keep)
        return report

    async def _call(self, *arguments: str) -> str:
        """What the suite says; its exit code tells only what its report tells better."""
        process = await asyncio.create_subprocess_exec(
            self.node.program,
            self.script,
            *arguments,
            env=self.node.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            told, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = told.decode(errors="replace").splitlines()
        return "\n".join(line[:_LINE] for line in lines)


def _keep(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "output.txt").write_text(report.output)
    (folder / "report.json").write_text(report.model_dump_json(indent=1, exclude={"output"}))


_FOLDER: Final = re.compile(r"(?:server-|client-)?(?P<name>.+?)-\d{4}-\d\d-\d\dT[\d-]+Z$")


def _read(folder: Path, required: set[str]) -> list[Check]:
    """The checks of every scenario that left a file below `folder`."""
    checks: list[Check] = []
    for file in sorted(folder.rglob("checks.json")):
        match = _FOLDER.match(file.parent.relative_to(folder).as_posix())
        name = match.group("name") if match else file.parent.name
        found: list[dict[str, Any]] = json.loads(file.read_text())
        checks += [
            Check(
                scenario=name,
                id=str(check["id"]),
                status=check["status"].lower(),
                required=name in required,
                message=str(check.get("errorMessage") or ""),
            )
            for check in found
        ]
    return checks
