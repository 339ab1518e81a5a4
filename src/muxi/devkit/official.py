"""The official conformance suite, as far as it can judge any server. Called by `validation`.

Most of its scenarios ask for tools of its own fixture; `conformance.ANY_SERVER` names those that do
not. It speaks HTTP only, so a server that has no HTTP is not judged by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from muxi.core.errors import MissingExtra, ProgramFailed, ServerUnavailable
from muxi.devkit.conformance import ANY_SERVER, PACKAGE, VERSION, Report, Suite
from muxi.devkit.connect import wire_to
from muxi.devkit.reports.report import Outcome
from muxi.devkit.session import Session
from muxi.devkit.target import Target

GROUP = f"{PACKAGE}@{VERSION}"


async def judged_officially(
    target: Target, folder: Path, *, patience: float, spoken: Collection[str]
) -> list[Outcome]:
    """What the suite finds, an outcome for each of its checks.

    Args:
        target: Who is judged.
        folder: Where the suite is kept, or installed to.
        patience: Seconds that the server may take to start.
        spoken: The revisions that the server speaks.
    """
    if "http" not in target.transports:
        return [_skipped("the suite speaks HTTP only, and this server does not")]
    try:
        suite = await asyncio.to_thread(Suite.ensure, folder)
    except (MissingExtra, ProgramFailed) as error:
        return [_skipped(f"{error.message} {error.hint or ''}".strip())]
    found: list[Outcome] = []
    for revision in ANY_SERVER:
        if revision not in spoken:
            found.append(_skipped(f"the server does not speak {revision}"))
            continue
        session = Session(wire := wire_to(target, "http", patience), revision, patience)
        try:
            await session.open(patience)
            url = str(getattr(wire, "url"))  # noqa: B009 -- every wire of HTTP has one
            report = await suite.server(
                url, revision, headers=target.headers, scenarios=ANY_SERVER[revision]
            )
        except (ServerUnavailable, ProgramFailed) as error:
            found.append(
                Outcome(name=revision, group=GROUP, status="failed", message=error.message)
            )
        else:
            found += _outcomes(report)
        finally:
            await session.close()
    return found


def _outcomes(report: Report) -> list[Outcome]:
    found: list[Outcome] = []
    for check in report.checks:
        if check.status in ("info", "skipped"):
            continue
        found.append(
            Outcome(
                name=f"{check.scenario}/{check.id}",
                group=GROUP,
                where=report.revision,
                status="passed" if check.status == "success" else "failed",
                severity="error" if check.status == "failure" else "warning",
                message=check.message,
            )
        )
    found += [
        Outcome(
            name=name,
            group=GROUP,
            where=report.revision,
            status="failed",
            message="the scenario showed nothing",
        )
        for name in report.silent
    ]
    return found


def _skipped(why: str) -> Outcome:
    return Outcome(name="conformance", group=GROUP, status="skipped", message=why)
