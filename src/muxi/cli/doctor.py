"""`muxi doctor`: what is right and wrong with this machine and this project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from muxi.cli.findings import Finding

app = new_app()


@app.command()
def doctor(json: JsonOption = False, project: ProjectOption = None) -> int:
    """Check this machine and this project.

    Ends with 0 if nothing is wrong, 2 if the project file is, and 1 for anything else. Warnings
    are no errors. Keys are looked for and never shown.
    """
    from dataclasses import asdict

    from muxi.cli.checks import examine

    findings = examine(project)
    if json:
        output.as_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            _show(finding)
    wrong = {finding.check for finding in findings if finding.state == "error"}
    if "project" in wrong:
        return ExitCode.USAGE
    return ExitCode.FAILED if wrong else ExitCode.OK


def _show(finding: Finding) -> None:
    first, *more = finding.text.split("\n")
    output.line(f"{finding.state:<7}  {finding.check:<9}  {first}")
    for text in more:
        output.line(f"{'':20}{text}")
    if finding.hint:
        output.line(f"{'':20}{finding.hint}")
