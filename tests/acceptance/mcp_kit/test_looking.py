"""`muxi mcp inspect|list|call|read|prompt|repl|lock|docs|validate` on a server."""

from __future__ import annotations

import io
import json

import pytest

from tests.acceptance.mcp_kit.conftest import Kit
from tests.support.mcp_kit import BAD_SERVERS


def test_inspect_shows_both_eras_side_by_side(server: Kit) -> None:
    done = server("mcp", "inspect")
    assert done.code == 0
    assert "yes, 2025-11-25" in done.out
    assert "yes, 2026-07-28" in done.out
    assert "tool add_numbers" in done.out


def test_the_json_of_inspect_is_the_same_each_time(server: Kit) -> None:
    first, second = [(server("mcp", "inspect", "--json")).out for _ in range(2)]
    assert first == second
    eras = json.loads(first)["eras"]
    assert eras["2025-11-25"]["tools"] == eras["2026-07-28"]["tools"]
    timed = json.loads((server("mcp", "inspect", "--json", "--timing")).out)
    assert timed["eras"]["2026-07-28"]["milliseconds"]["start"] > 0


def test_the_wire_is_shown_without_secrets(server: Kit) -> None:
    program = server.folder / "server.py"
    told = 'instructions = "Adds. " + __import__("os").environ.get("SUMS_API_KEY", "")'
    program.write_text(program.read_text().replace('instructions = "Adds whole numbers."', told))
    secret = "hunter2-hunter2"
    done = server("mcp", "inspect", "--wire", "--env", f"SUMS_API_KEY={secret}")
    assert "server/discover" in done.out
    assert "Adds. [secret]" in done.out
    assert secret not in done.out


def test_a_server_does_not_see_the_secrets_of_this_process(
    server: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-for-servers")
    program = server.folder / "server.py"
    told = 'instructions = __import__("os").environ.get("OPENAI_API_KEY", "nothing")'
    program.write_text(program.read_text().replace('instructions = "Adds whole numbers."', told))
    done = server("mcp", "inspect", "--json")
    assert json.loads(done.out)["eras"]["2026-07-28"]["instructions"] == "nothing"


def test_a_tool_is_called_with_words_or_json(server: Kit) -> None:
    assert "42" in (server("mcp", "call", ".", "add_numbers", "a=2", "b=40")).out
    done = server("mcp", "call", ".", "add_numbers", '{"a": 2, "b": 40}', "--json")
    assert json.loads(done.out)["structuredContent"] == {"sum": 42}
    wrong = server("mcp", "call", ".", "add_numbers", "a=two", "b=40")
    assert (wrong.code, "whole numbers" in wrong.out) == (1, True)
    unknown = server("mcp", "call", ".", "nothing")
    assert (unknown.code, "Unknown tool" in unknown.err) == (1, True)
    assert (server("mcp", "call", ".", "add_numbers", "a")).code == 2


def test_a_server_of_the_older_era_is_called_without_being_told_so(server: Kit) -> None:
    program = server.folder / "server.py"
    program.write_text(
        program.read_text().replace(
            '        if method == "server/discover":\n            return self.discovered()\n', ""
        )
    )
    assert "42" in (server("mcp", "call", ".", "add_numbers", "a=2", "b=40")).out


def test_one_question_follows_the_other_in_one_session(
    server: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = 'tools\ncall add_numbers a=1 b=5\ncall add_numbers {"a": 30, "b": 47}\nnonsense\n'
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    done = server("mcp", "repl")
    assert done.code == 0
    assert "add_numbers  Adds two whole numbers" in done.out
    assert "6" in done.out
    assert "77" in done.out


def test_a_changed_description_is_found_by_the_lock(server: Kit) -> None:
    assert (server("mcp", "lock", ".")).code == 0
    assert (server("mcp", "lock", ".", "--check")).code == 0
    program = server.folder / "server.py"
    for before, after in (
        ("Adds two whole numbers", "Adds two small numbers"),
        ('"examples": [40]', '"examples": [41]'),
        ('"openWorldHint": False', '"openWorldHint": True'),
        ('instructions = "Adds', 'instructions = "Sums'),
    ):
        text = program.read_text()
        program.write_text(text.replace(before, after, 1))
        changed = server("mcp", "lock", ".", "--check")
        assert changed.code == 1, before
        assert "changed" in changed.out
        program.write_text(text)


def test_a_lock_that_was_changed_by_hand_is_refused(server: Kit) -> None:
    server("mcp", "lock", ".")
    lock = server.folder / "tools.lock.json"
    lock.write_text(lock.read_text().replace("Adds two whole", "Adds three whole"))
    done = server("mcp", "lock", ".", "--check")
    assert (done.code, "changed by hand" in done.err) == (1, True)


def test_pages_are_written_from_the_running_server_and_found_stale(server: Kit) -> None:
    server("mcp", "lock", ".")
    written = server("mcp", "docs")
    assert written.code == 0
    text = (server.folder / "docs" / "server.md").read_text()
    assert "`add_numbers(a: integer, b: integer) → {sum: integer}`" in text
    assert '"sum": 42' in text
    for client in ("Claude Desktop", "Cursor", "VS Code", "### muxi"):
        assert client in text
    html = (server.folder / "docs" / "server.html").read_text()
    assert '<h3 id="add_numbers">' in html
    assert "<script" not in html
    assert (server("mcp", "docs", "--check")).code == 0
    program = server.folder / "server.py"
    program.write_text(program.read_text().replace("Adds two whole", "Adds <b>two</b> small"))
    stale = server("mcp", "docs", "--check")
    assert (stale.code, "stale:" in stale.out) == (1, True)
    server("mcp", "docs", "--since", "tools.lock.json")
    text = (server.folder / "docs" / "server.md").read_text()
    assert "- changed: tool `add_numbers`" in text
    assert "<b>" not in (server.folder / "docs" / "server.html").read_text()


def test_validate_tells_rule_place_and_fix_in_every_form(server: Kit) -> None:
    bad = f"python3 {BAD_SERVERS / 'annotations_contradictory.py'}"
    done = server("mcp", "validate", bad, "--sarif", "found.sarif", "--junit", "found.xml")
    assert done.code == 1
    assert "✗ annotations-contradictory  [annotations]  tool add_numbers" in done.out
    assert "fix: Set `readOnlyHint` or `destructiveHint` to false." in done.out
    sarif = json.loads((server.folder / "found.sarif").read_text())["runs"][0]
    [rule] = sarif["tool"]["driver"]["rules"]
    assert (rule["id"], bool(rule["help"]["text"])) == ("annotations-contradictory", True)
    report = json.loads((server("mcp", "validate", bad, "--json")).out)
    failed = {o["name"]: o["severity"] for o in report["outcomes"] if o["status"] == "failed"}
    assert failed == {"annotations-contradictory": "error"}
    ignored = server("mcp", "validate", bad, "--ignore", "annotations-contradictory")
    assert ignored.code == 0
    assert (server("mcp", "validate", bad, "--ignore", "no-such-rule")).code == 2


def test_warnings_fail_only_if_asked_to(server: Kit) -> None:
    bad = f"python3 {BAD_SERVERS / 'annotations_missing.py'}"
    assert (server("mcp", "validate", bad)).code == 0
    assert (server("mcp", "validate", bad, "--strict")).code == 1


def test_rules_can_be_listed_without_a_server(kit: Kit) -> None:
    rules = json.loads((kit("mcp", "validate", "--rules", "--json")).out)
    assert len(rules) >= 60
    assert all(rule["what"] and rule["why"] and rule["fix"] for rule in rules)


def test_what_names_no_server_is_refused_with_the_syntax(kit: Kit) -> None:
    for target in ("nothing.py", "no-such-program", "mcp.json#x", "."):
        done = kit("mcp", "inspect", target)
        assert (done.code, "hint:" in done.err) == (2, True), target
