"""What `muxi doctor` says of tools and of MCP servers."""

from __future__ import annotations

from muxi.cli.tool_checks import server_findings, tool_findings
from muxi.config.mcp_settings import McpServerSettings
from muxi.core.servers import RemoteToolInfo, ServerInfo
from muxi.core.tools import ToolCheck, ToolFinding


def server(state: str = "idle", **more: object) -> ServerInfo:
    return ServerInfo.model_validate(
        {"name": "git", "transport": "stdio", "target": "git", "state": state, **more}
    )


def declared(**packages: list[str]) -> dict[str, McpServerSettings]:
    told = {"command": ["mcp-server-git"], "packages": packages}
    return {"git": McpServerSettings.model_validate(told)}


def test_a_version_that_says_too_little_is_told_with_the_one_that_is_needed():
    finding = ToolFinding(
        tool="weigh",
        before="1.2.0",
        now="1.2.0",
        change="major",
        needed="2.0.0",
        reasons=["`unit` is needed now"],
        severity="error",
    )
    check = ToolCheck(checked=2, new=[], findings=[finding], gone=["measure"], problems=[])
    first, second = tool_findings(check)
    assert (first.state, first.hint) == ("error", "Raise its version to 2.0.0 at least.")
    assert "weigh 1.2.0 is not what 1.2.0 was: `unit` is needed now" in first.text
    assert (second.state, "measure" in second.text) == ("warning", True)


def test_tools_that_nobody_has_recorded_are_not_spoken_of():
    assert tool_findings(ToolCheck(checked=0, new=["a@1"], findings=[], gone=[], problems=[])) == []


def test_a_server_is_told_with_its_version_and_what_waits_for_a_person():
    tools = [RemoteToolInfo(name="git__log", remote="log")]
    info = server(version="2026.10.1", tools=tools, held_back=2, refused={"x y": "its name"})
    ok, held, refused = server_findings([info], declared(python=["mcp-server-git==2026.10.1"]))
    assert (ok.state, ok.text) == ("ok", "git: version 2026.10.1, 1 tools")
    assert (held.state, "muxi mcp approve git" in (held.hint or "")) == ("warning", True)
    assert "x y cannot be offered: its name" in refused.text


def test_a_server_that_does_not_run_says_what_to_do():
    (absent,) = server_findings([server("not_installed")], {})
    assert absent.hint == "muxi mcp install git"
    (failed,) = server_findings([server("failed", detail="it ended")], {})
    assert (failed.state, failed.text) == ("warning", "git: it ended")
    assert server_findings([server("off")], {}) == []


def test_packages_of_which_any_version_would_do_are_named():
    loose = declared(
        python=["a", "b>=1", "c<2", "d~=1.0", "e @ https://example.org/e.whl"],
        node=["f", "@scope/g", "h@1.0.0", "@scope/i@2"],
    )
    _, finding = server_findings([server()], loose)
    assert finding.text.endswith("be installed of a, b>=1, f, @scope/g")
