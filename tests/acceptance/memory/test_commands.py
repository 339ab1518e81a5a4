"""`muxi memory`: what is known, where it came from, and how it goes."""

from __future__ import annotations

import json
import stat

import pytest

from tests.support.command import Muxi


@pytest.fixture
def remembering(project: Muxi) -> Muxi:
    """A project that finds memories by their words."""
    file = project.folder / "muxi.yaml"
    file.write_text(f"{file.read_text()}memory: {{embedder: none}}\n")
    return project


@pytest.mark.ci
async def test_what_was_said_is_found_and_shown(remembering: Muxi) -> None:
    muxi = remembering
    said = await muxi("run", "--user", "ann", "My parrot Polly speaks Norwegian since 2019.")
    assert said.code == 0
    await muxi("run", "--user", "ben", "My parrot Pirate speaks Danish since 2018.")
    found = await muxi("memory", "search", "Which", "parrot?", "--user", "ann", "--json")
    items = json.loads(found.out)["items"]
    assert items
    assert all("Pirate" not in item["memory"]["text"] for item in items)
    first = next(item["memory"] for item in items if item["memory"]["role"] == "user")
    listed = await muxi("memory", "list", "--user", "ann")
    assert (listed.code, first["id"] in listed.out) == (0, True)
    shown = await muxi("memory", "show", first["id"], "--user", "ann")
    assert "Norwegian" in shown.out
    assert first["message_id"] in shown.out
    foreign = await muxi("memory", "show", first["id"], "--user", "ben")
    assert (foreign.code, foreign.out) == (1, "")


@pytest.mark.ci
async def test_a_user_is_forgotten_and_another_is_not(remembering: Muxi) -> None:
    muxi = remembering
    await muxi("run", "--user", "ann", "My parrot Polly speaks Norwegian since 2019.")
    await muxi("run", "--user", "ben", "My parrot Pirate speaks Danish since 2018.")
    asked = await muxi("memory", "forget", "--user", "ann")
    assert asked.code == 2
    assert "--yes" in asked.err
    counted = await muxi("memory", "forget", "--user", "ann", "--dry-run", "--json")
    assert json.loads(counted.out)["dry_run"] is True
    gone = await muxi("memory", "forget", "--user", "ann", "--yes", "--json")
    assert (gone.code, json.loads(gone.out)["dry_run"]) == (0, False)
    clean = await muxi("memory", "verify", "--user", "ann", "--text", "Norwegian", "--json")
    assert (clean.code, json.loads(clean.out)["clean"]) == (0, True)
    assert (await muxi("memory", "list", "--user", "ann")).out == ""
    kept = await muxi("memory", "search", "parrot", "--user", "ben")
    assert "Danish" in kept.out


async def test_a_fact_is_shown_with_its_history(remembering: Muxi) -> None:
    muxi = remembering
    city = "location.city"
    for value, since in (("Oslo", "2020-03-01"), ("Rome", "2024-05-01T12:00:00+00:00")):
        done = await muxi("memory", "facts", "set", city, value, "--since", since)
        assert (done.code, done.out) == (0, "")
    shown = json.loads((await muxi("memory", "show", city, "--json")).out)
    assert [fact["value"] for fact in shown] == ["Oslo", "Rome"]
    assert shown[0]["valid_to"] == shown[1]["valid_from"] == "2024-05-01T12:00:00Z"
    then = json.loads((await muxi("memory", "show", "--as-of", "2023-01-01", "--json")).out)
    assert [fact["value"] for fact in then] == ["Oslo"]
    old, new = (await muxi("memory", "show")).out.splitlines()
    assert ("Oslo" in old, "2020-03-01" in old, "2024-05-01" in old) == (True, True, True)
    assert "Rome" in new
    tree = await muxi("memory", "facts", "list", "--json")
    assert json.loads(tree.out) == {"location": {"city": "Rome"}}
    assert (await muxi("memory", "facts", "list", city)).out == 'location.city  "Rome"\n'
    deleted = await muxi("memory", "facts", "delete", city, "--yes")
    assert (deleted.code, "2 versions" in deleted.err) == (0, True)
    assert (await muxi("memory", "show")).out == ""


@pytest.mark.ci
async def test_values_on_the_command_line_are_json_or_text(remembering: Muxi) -> None:
    for path, value in (("a", "12"), ("b", '{"c": [1, null]}'), ("d", "true"), ("e", "it is 5")):
        assert (await remembering("memory", "facts", "set", path, value)).code == 0
    tree = json.loads((await remembering("memory", "facts", "list", "--json")).out)
    assert tree == {"a": 12, "b": {"c": [1, None]}, "d": True, "e": "it is 5"}
    for value, told in (('{"x": 1', "line 1 column 8"), ("[" * 9_000, "nested too deep")):
        done = await remembering("memory", "facts", "set", "f", value)
        assert (done.code, done.out) == (2, "")
        assert told in " ".join(done.err.split())
    nothing = await remembering("memory", "show", "f")
    assert (nothing.code, nothing.out) == (0, "")
    assert "Nothing is known at f." in nothing.err


@pytest.mark.ci
async def test_a_memory_moves_to_another_user_by_a_file(remembering: Muxi) -> None:
    muxi = remembering
    await muxi("run", "--user", "ann", "My parrot Polly speaks Norwegian since 2019.")
    await muxi("memory", "facts", "set", "pet.name", "Polly", "--user", "ann")
    written = await muxi("memory", "export", "--user", "ann")
    assert written.code == 0
    lines = written.out.splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    file = muxi.folder / "ann.jsonl"
    assert (await muxi("memory", "export", "--user", "ann", "-o", str(file))).out == ""
    assert len(file.read_text().splitlines()) == len(lines)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await muxi("memory", "forget", "--user", "ann", "--yes")
    taken = await muxi("memory", "import", str(file), "--user", "ann", "--json")
    assert taken.code == 0, taken.err
    assert json.loads(taken.out)["skipped"] == 0
    assert "Norwegian" in (await muxi("memory", "search", "parrot", "--user", "ann")).out
    again = await muxi("memory", "import", "-", "--user", "ann", "--json", input=file.read_text())
    assert sum(json.loads(again.out)["added"].values()) == 0


@pytest.mark.ci
async def test_bad_lines_are_named_and_the_good_ones_kept(remembering: Muxi) -> None:
    await remembering("memory", "facts", "set", "pet.name", "Polly", "--user", "ann")
    good = (await remembering("memory", "export", "--user", "ann")).out
    text = f"{good}\nthis is no JSON\n[1]\n"
    number = len(text.splitlines()) - 1
    done = await remembering("memory", "import", "-", "--user", "ben", input=text)
    assert done.code == 1
    assert f"line {number}" in done.err.lower()
    assert "Polly" in (await remembering("memory", "facts", "list", "--user", "ben")).out


@pytest.mark.ci
async def test_a_date_that_is_none_is_wrong_use(remembering: Muxi) -> None:
    done = await remembering("memory", "show", "--as-of", "yesterday")
    assert (done.code, done.out) == (2, "")
    assert "2026-01-31" in done.err


@pytest.mark.ci
async def test_forgetting_needs_to_be_told_what(remembering: Muxi) -> None:
    for arguments in ((), ("--thread", "thr_1", "--everything")):
        done = await remembering("memory", "forget", "--yes", *arguments)
        assert (done.code, done.out) == (2, "")
    # A name in the environment is not enough to forget all of somebody.
    remembering.environment["MUXI_USER"] = "ann"
    assert (await remembering("memory", "forget", "--yes")).code == 2


@pytest.mark.ci
async def test_stats_tell_how_much_is_remembered(remembering: Muxi) -> None:
    await remembering("run", "My parrot Polly speaks Norwegian since 2019.")
    done = await remembering("memory", "stats", "--json")
    assert json.loads(done.out)["memories"] >= 1
