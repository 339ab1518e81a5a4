"""`muxi mcp test`: does a server do what its cases say, over every transport and in both eras."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from muxi.cli import mcp_report
from muxi.cli.app import new_app
from muxi.cli.check_exits import CheckExit, reached
from muxi.cli.mcp_options import (
    CasesOption,
    DestructiveOption,
    EnvOption,
    ExamplesOption,
    FuzzOption,
    HeaderOption,
    JUnitOption,
    PythonOption,
    RepeatOption,
    RevisionsOption,
    SarifOption,
    SeedOption,
    SnapshotOption,
    TargetArgument,
    ToolsOption,
    TransportsOption,
    UpdateSnapshotOption,
    target_of,
)
from muxi.cli.model_use import AccuracyOption, ModelsOption, ask_models
from muxi.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from muxi.devkit.cases import Suite
    from muxi.devkit.exchange import Json
    from muxi.devkit.fuzz import FuzzOptions
    from muxi.devkit.reports.report import Report
    from muxi.devkit.target import Target

app = new_app(help="Test a server by its tests.yaml.")


@app.command("test")
def run_cases(
    target: TargetArgument = None,
    *,
    cases: CasesOption = None,
    transport: TransportsOption = None,
    revision: RevisionsOption = None,
    repeat: RepeatOption = 1,
    fuzz: FuzzOption = False,
    allow_destructive: DestructiveOption = False,
    tool: ToolsOption = None,
    seed: SeedOption = 1,
    examples: ExamplesOption = 25,
    snapshot: SnapshotOption = False,
    update_snapshot: UpdateSnapshotOption = False,
    model: ModelsOption = None,
    min_accuracy: AccuracyOption = 0.8,
    project: ProjectOption = None,
    env: EnvOption = None,
    header: HeaderOption = None,
    python: PythonOption = None,
    json: JsonOption = False,
    junit: JUnitOption = None,
    sarif: SarifOption = None,
) -> int:
    """Test a server by its tests.yaml, in both eras of MCP.

    Every transport that the server can be reached over gets the same cases. Without cases it must
    at least start and list what it has. Exit codes: 0 all passed, 1 something failed, 2 usage, 3
    the server cannot start, 4 it was too slow.
    """
    from muxi.devkit.case_run import with_env
    from muxi.devkit.test_run import TestOptions, run_tests

    def named(words: list[str] | None, folder: Path | None = None) -> Target:
        return target_of(words, env=env, header=header, python=python, folder=folder)

    server, suite, file = _found(target, cases, named)
    options = TestOptions(
        transports=[each.value for each in transport or ()],
        revisions=[each.value for each in revision or ()],
        repeat=repeat,
        snapshot="update" if update_snapshot else "compare" if snapshot else "off",
        fuzz=fuzz_options(fuzz, seed, examples, tool or (), everything=allow_destructive),
    )

    def work() -> CheckExit:
        report = run_tests(server, suite, file, options)
        if model and "unreachable" not in report.facts:
            listed = asyncio.run(tools_of(with_env(server, suite)))
            asked = ask_models(
                report, listed, suite.prompts, names=model, least=min_accuracy, project=project
            )
            asyncio.run(asked)
        mcp_report.show(report, json=json, junit=junit, sarif=sarif)
        return code_of(report)

    return reached(work)


def _found(
    words: list[str] | None, cases: Path | None, named: Callable[..., Target]
) -> tuple[Target, Suite, Path]:
    """The server, its cases and their file: each may name the other."""
    from muxi.devkit.cases import load_suite
    from muxi.devkit.test_run import suite_in

    if cases is None:
        server = named(words)
        return server, *suite_in(server.folder)
    suite, file = load_suite(cases), cases.absolute()
    server = named(words) if words else named([suite.server or "."], file.parent)
    return server, suite, file


async def tools_of(target: Target) -> list[Json]:
    """The tools that a target lists."""
    from muxi.devkit.connect import connected

    async with connected(target) as session:
        return (await session.list_all("tools")).items


def fuzz_options(
    wanted: bool, seed: int, examples: int, tools: Sequence[str], *, everything: bool
) -> FuzzOptions | None:
    """How hard to try, if at all."""
    if not wanted:
        return None
    from muxi.devkit.fuzz import FuzzOptions

    return FuzzOptions(seed, examples, allow_destructive=everything, tools=tools)


def code_of(report: Report) -> CheckExit:
    """What the shell is told of a report; advice fails nothing."""
    match report.facts.get("unreachable"):
        case "too slow":
            return CheckExit.TOO_SLOW
        case "cannot start":
            return CheckExit.CANNOT_START
        case _:
            return CheckExit.FINDINGS if report.failed("error", "warning") else CheckExit.OK
