"""What `muxi doctor` says of tools and MCP servers: versions that say too little, and what waits.

Called by `checks` with what the owner of the project tells. No server is started for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from muxi.cli.findings import Finding
from muxi.config.mcp_settings import McpServerSettings, ServerPackages
from muxi.core.servers import ServerInfo
from muxi.core.tools import ToolCheck

_BOUND = re.compile(r"===?|~=|<")
"""Signs of a requirement of Python that keep a later version out."""


def tool_findings(check: ToolCheck) -> list[Finding]:
    """Of the project's own tools, compared with muxi.tools.json."""
    found = [Finding("tools", "error", problem) for problem in check.problems]
    for each in check.findings:
        text = f"{each.tool} {each.now} is not what {each.before} was: {'; '.join(each.reasons)}"
        hint = f"Raise its version to {each.needed} at least."
        found.append(Finding("tools", each.severity, text, hint))
    if check.gone:
        text = f"recorded, and brought by nothing any more: {', '.join(check.gone)}"
        found.append(Finding("tools", "warning", text, "Agents that name them fail."))
    if not found and check.checked:
        text = f"{check.checked} with versions that say what has changed"
        found.append(Finding("tools", "ok", text))
    return found


def server_findings(
    servers: list[ServerInfo], declared: Mapping[str, McpServerSettings]
) -> list[Finding]:
    """Of the project's MCP servers."""
    return [
        finding
        for info in servers
        if info.state != "off"
        for finding in _of_server(info, declared.get(info.name))
    ]


def _of_server(info: ServerInfo, declared: McpServerSettings | None) -> Iterator[Finding]:
    if info.state == "not_installed":
        text = f"{info.name}: its packages are not installed"
        yield Finding("mcp", "warning", text, f"muxi mcp install {info.name}")
    elif info.state in ("failed", "waiting"):
        hint = f"`muxi mcp logs {info.name}` has its last words."
        yield Finding("mcp", "warning", f"{info.name}: {info.detail or info.state}", hint)
    else:
        known = f"version {info.version}" if info.version else "its version is not known yet"
        yield Finding("mcp", "ok", f"{info.name}: {known}, {len(info.tools)} tools")
    if info.held_back:
        text = f"{info.name}: {info.held_back} new or changed parts are held back"
        hint = (
            f"`muxi mcp lock {info.name}` shows them, `muxi mcp approve {info.name}` admits them."
        )
        yield Finding("mcp", "warning", text, hint)
    for tool, why in info.refused.items():
        yield Finding("mcp", "warning", f"{info.name}: the tool {tool} cannot be offered: {why}")
    loose = _unbounded(declared.packages) if declared and declared.packages else []
    if loose:
        text = f"{info.name}: any later version would be installed of {', '.join(loose)}"
        hint = "Give both bounds under `packages`, such as `mcp-server-git>=2026.10,<2027`."
        yield Finding("mcp", "warning", text, hint)


def _unbounded(packages: ServerPackages) -> list[str]:
    """Packages of which an installation takes whatever is the newest then."""
    python = [each for each in packages.python if not _BOUND.search(each) and "@" not in each]
    node = [each for each in packages.node if "@" not in each.lstrip("@")]
    return [*python, *node]
