"""`muxi tool test`: the harness for MCP servers, for tools that are Python functions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import mcp_report
from muxi.cli.app import new_app
from muxi.cli.check_exits import CheckExit, reached
from muxi.cli.mcp_options import (
    CasesOption,
    DestructiveOption,
    ExamplesOption,
    FuzzOption,
    JUnitOption,
    RepeatOption,
    SarifOption,
    SeedOption,
    SnapshotOption,
    ToolsOption,
    UpdateSnapshotOption,
)
from muxi.cli.model_use import AccuracyOption, ModelsOption, ask_models
from muxi.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from muxi.devkit.cases import Suite
    from muxi.devkit.target import Target

app = new_app(help="Test Python tools.")


@app.command("test")
def run_tests(
    tools: Annotated[
        str,
        typer.Argument(metavar="TOOLS", help="A .py file, file.py:function or module:function."),
    ],
    *,
    cases: CasesOption = None,
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
    json: JsonOption = False,
    junit: JUnitOption = None,
    sarif: SarifOption = None,
    project: ProjectOption = None,
) -> int:
    """Test Python tools by cases, by made-up arguments, and by whether models can use them.

    Exit codes: 0 all passed, 1 something failed, 2 usage, 3 the tools cannot be imported.
    """
    from muxi.cli.mcp_cases import code_of, fuzz_options, tools_of
    from muxi.devkit import test_run
    from muxi.devkit.target import parse_tools

    target = parse_tools(tools)
    suite, file = _cases(target, cases)
    options = test_run.TestOptions(
        repeat=repeat,
        snapshot="update" if update_snapshot else "compare" if snapshot else "off",
        fuzz=fuzz_options(fuzz, seed, examples, tool or (), everything=allow_destructive),
    )

    def work() -> CheckExit:
        report = test_run.run_tests(target, suite, file, options)
        if model and "unreachable" not in report.facts:
            listed = asyncio.run(tools_of(target))
            asked = ask_models(
                report, listed, suite.prompts, names=model, least=min_accuracy, project=project
            )
            asyncio.run(asked)
        mcp_report.show(report, json=json, junit=junit, sarif=sarif)
        return code_of(report)

    return reached(work)


def _cases(target: Target, cases: Path | None) -> tuple[Suite, Path]:
    """The cases that are named, else those that lie beside the tools."""
    from muxi.devkit.cases import load_suite
    from muxi.devkit.test_run import suite_in

    if cases is not None:
        return load_suite(cases), cases.absolute()
    return suite_in(target.cwd)
