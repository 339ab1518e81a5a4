"""`muxi mcp validate`: does a server keep the rules that clients, models and people rely on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from muxi.cli import mcp_report, output
from muxi.cli.app import new_app
from muxi.cli.check_exits import CheckExit, reached
from muxi.cli.mcp_options import (
    AllOption,
    CallsOption,
    ConformanceOption,
    EnvOption,
    HeaderOption,
    IgnoreOption,
    JUnitOption,
    PythonOption,
    RulesOption,
    SarifOption,
    StrictOption,
    TargetArgument,
    TimeoutOption,
    TransportOption,
    target_of,
)
from muxi.cli.options import JsonOption

if TYPE_CHECKING:
    from muxi.devkit.reports.report import Report
    from muxi.devkit.target import Target

app = new_app(help="Judge a server by named rules.")


@app.command("validate")
def validate(
    target: TargetArgument = None,
    *,
    transport: TransportOption = None,
    ignore: IgnoreOption = None,
    strict: StrictOption = False,
    calls: CallsOption = True,
    conformance: ConformanceOption = False,
    rules: RulesOption = False,
    everything: AllOption = False,
    timeout: TimeoutOption = 30.0,
    env: EnvOption = None,
    header: HeaderOption = None,
    python: PythonOption = None,
    json: JsonOption = False,
    junit: JUnitOption = None,
    sarif: SarifOption = None,
) -> int:
    """Judge a server by named rules, each with what to do.

    Exit codes: 0 no rule of severity `error` is broken, 1 one is, 2 usage, 3 the server cannot
    start, 4 it was too slow.
    """
    if rules:
        _list_rules(json=json)
        return CheckExit.OK
    server = target_of(target, env=env, header=header, python=python)
    way = None if transport is None else transport.value

    async def judged() -> Report:
        from muxi.devkit.validation import validate as judge

        report = await judge(server, way, patience=timeout, ignore=ignore or (), calls=calls)
        if conformance:
            await _judge_officially(report, server, timeout)
        return report

    def work() -> CheckExit:
        from muxi.devkit.validation import rule_texts

        report = asyncio.run(judged())
        mcp_report.show(
            report, json=json, junit=junit, sarif=sarif, rules=rule_texts(), failures=not everything
        )
        grave = report.failed("error", "warning") if strict else report.failed("error")
        return CheckExit.FINDINGS if grave else CheckExit.OK

    return reached(work)


async def _judge_officially(report: Report, server: Target, patience: float) -> None:
    from platformdirs import user_cache_path

    from muxi.devkit.official import GROUP, judged_officially

    folder: Path = user_cache_path("muxi") / "mcp"
    report.facts["conformance"] = GROUP
    report.outcomes += await judged_officially(
        server, folder, patience=patience, spoken=report.facts["revisions"]
    )


def _list_rules(*, json: bool) -> None:
    from muxi.devkit.rules.registry import RULES

    if json:
        output.as_json(
            [
                {"id": rule.id, "about": about, "severity": rule.severity, "what": rule.what,
                 "why": rule.why, "fix": rule.fix}
                for about, found in RULES.items()
                for rule in found.values()
            ]
        )  # fmt: skip
        return
    rows = [
        (rule.id, rule.severity, about, rule.what)
        for about, found in RULES.items()
        for rule in found.values()
    ]
    output.table(("rule", "severity", "about", "what"), rows)
