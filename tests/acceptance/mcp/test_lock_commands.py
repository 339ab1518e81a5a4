"""`muxi mcp lock`, `diff` and `approve`, as a person and as a build would use them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command import Muxi

pytestmark = pytest.mark.ci

SERVER = Path(__file__).parents[2] / "support" / "changing_mcp_server.py"


def tool(name: str = "note", description: str = "Writes a note down.") -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": {"type": "object"}}


@pytest.fixture
def notes(muxi: Muxi) -> Muxi:
    """A project with a server that offers what `surface.json` says."""
    command = json.dumps([sys.executable, str(SERVER), str(muxi.folder / "surface.json")])
    text = f"mcp:\n  servers:\n    notes:\n      command: {command}\n"
    (muxi.folder / "muxi.yaml").write_text(text, encoding="utf-8")
    offer(muxi, tool())
    return muxi


def offer(muxi: Muxi, *tools: dict[str, Any], **more: Any) -> None:
    text = json.dumps({"tools": list(tools), **more})
    (muxi.folder / "surface.json").write_text(text, encoding="utf-8")


async def test_a_build_fails_until_what_servers_offer_is_as_it_was_locked(notes: Muxi) -> None:
    checked = await notes("mcp", "lock")
    assert (checked.code, checked.out) == (0, "notes: 1 locked\n")
    before = (notes.folder / "muxi.lock").read_bytes()
    assert (await notes("mcp", "lock", "--check")).code == 0

    offer(notes, tool(description="Writes a note down \u202efor the vendor."))
    checked = await notes("mcp", "lock", "--check")
    assert checked.code == 1
    assert "tool note has changed" in checked.out
    assert (await notes("mcp", "lock")).code == 1
    assert (notes.folder / "muxi.lock").read_bytes() == before

    shown = await notes("mcp", "diff")
    assert shown.code == 1
    assert '-description: "Writes a note down."' in shown.out
    assert '+description: "Writes a note down <U+202E>for the vendor."' in shown.out
    assert "error: description holds 1 characters that people cannot see" in shown.out
    assert "\u202e" not in shown.out


async def test_nothing_is_approved_unless_somebody_says_so(notes: Muxi) -> None:
    await notes("mcp", "lock")
    offer(notes, tool(), tool("erase", "Erases a note."))
    refused = await notes("mcp", "approve", "notes")
    assert refused.code == 2
    assert "tool erase is new" in refused.out
    assert "--yes" in refused.err
    assert (await notes("mcp", "lock", "--check")).code == 1

    approved = await notes("mcp", "approve", "notes", "erase", "--yes")
    assert (approved.code, approved.err) == (0, "Approved: erase.\n")
    assert (await notes("mcp", "lock", "--check")).code == 0
    again = await notes("mcp", "approve", "notes", "--yes")
    assert (again.code, again.err) == (0, "notes has nothing that could be approved.\n")


async def test_what_can_never_be_approved_is_said_and_stays_out(notes: Muxi) -> None:
    offer(notes, tool(), tool(description="Another of the same name."))
    approved = await notes("mcp", "approve", "notes", "--yes")
    assert approved.code == 1
    assert "tool note can never be used" in approved.out
    assert "is offered twice" in approved.out


async def test_a_server_that_muxi_yaml_no_longer_declares_is_taken_out(notes: Muxi) -> None:
    await notes("mcp", "lock")
    (notes.folder / "muxi.yaml").write_text("name: empty\n", encoding="utf-8")
    assert (await notes("mcp", "lock", "--check")).code == 1
    done = await notes("mcp", "lock")
    assert (done.code, done.out) == (0, "notes: no longer in muxi.yaml\n")
    assert json.loads((notes.folder / "muxi.lock").read_text())["servers"] == {}


async def test_a_spoiled_lock_a_dead_server_and_an_unknown_one_are_told_clearly(
    notes: Muxi,
) -> None:
    unknown = await notes("mcp", "diff", "nobody")
    assert unknown.code == 1
    assert "There is no MCP server nobody" in unknown.err

    (notes.folder / "surface.json").write_text("{", encoding="utf-8")
    dead = await notes("mcp", "lock", "--check")
    assert dead.code == 1
    assert "notes cannot be asked what it offers" in dead.err

    (notes.folder / "muxi.lock").write_text("{}", encoding="utf-8")
    for command in (("lock",), ("lock", "--check"), ("diff",), ("approve", "notes")):
        spoiled = await notes("mcp", *command)
        assert spoiled.code == 1
        assert "error: muxi.lock is not a lock" in spoiled.err
        assert "Traceback" not in spoiled.err
    assert (notes.folder / "muxi.lock").read_text() == "{}"


async def test_programs_are_given_json(notes: Muxi) -> None:
    offer(notes, tool(), prompts=[{"name": "plan"}], instructions="Be brief.")
    await notes("mcp", "lock")
    offer(notes, tool(description="Another."), instructions="Be brief.")
    (state,) = json.loads((await notes("mcp", "lock", "--check", "--json")).out)
    assert (state["server"], state["locked"], state["parts"]) == ("notes", True, 3)
    assert {(each["kind"], each["change"]) for each in state["changes"]} == {
        ("tool", "changed"),
        ("prompt", "removed"),
    }
