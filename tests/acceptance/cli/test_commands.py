"""The commands for a project's life: init, doctor, models, secrets, threads, agents, schema."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing

import pytest

from tests.support.command import Muxi

SNAPSHOT = "schema-0001-20260102T030405000006Z.db"


async def test_init_writes_a_project_that_is_right(muxi: Muxi) -> None:
    done = await muxi("init", "mine")
    assert (done.code, done.out) == (0, "mine/muxi.yaml\n")
    again = await muxi("init", "mine")
    assert (again.code, again.out) == (1, "")
    assert "exists already" in again.err
    forced = await muxi("init", "--force", "mine")
    assert (forced.code, forced.out) == (0, "mine/muxi.yaml\n")
    assert (muxi.folder / "mine" / "muxi.yaml.old").exists()
    listed = await muxi("agents", "list", "-p", "mine", "--json")
    assert [agent["name"] for agent in json.loads(listed.out)] == ["assistant"]


@pytest.mark.ci
async def test_doctor_finds_nothing_wrong_with_a_right_project(project: Muxi) -> None:
    done = await project("doctor", "--json")
    found = json.loads(done.out)
    assert [item for item in found if item["state"] == "error"] == []
    assert done.code == 0
    assert {"muxi", "python", "project", "owner", "storage", "model", "disk"} <= {
        item["check"] for item in found
    }
    shown = await project("doctor")
    assert shown.out.splitlines()[0].startswith("ok")
    assert "\x1b" not in shown.out


async def test_doctor_tells_every_mistake_of_the_project_file(muxi: Muxi) -> None:
    (muxi.folder / "muxi.yaml").write_text("modle: x\nserver: {port: many}\n")
    done = await muxi("doctor")
    assert done.code == 2
    assert "muxi.yaml:1:1" in done.out
    assert "muxi.yaml:2:16" in done.out


@pytest.mark.ci
async def test_doctor_looks_at_versions_of_tools_and_at_servers(muxi: Muxi) -> None:
    tool = "from muxi import tool\n\n\n@tool(version='1.0.0')\ndef weigh(grams: {}) -> int:\n"
    body = '    """Weigh it."""\n    return 1\n'
    (muxi.folder / "scale.py").write_text(tool.format("int") + body)
    (muxi.folder / "muxi.yaml").write_text(
        "agents: {a: {tools: [weigh, mcp.far]}}\ntools: {weigh: 'scale.py:weigh'}\n"
        "mcp: {servers: {far: {command: far, packages: {python: [far]}}}}\n"
    )
    assert (await muxi("tool", "check", "--record")).code == 0
    done = await muxi("doctor")
    assert done.code == 0
    assert "1 with versions that say what has changed" in done.out
    assert "far: its packages are not installed" in done.out
    assert "any later version would be installed of far" in done.out
    (muxi.folder / "scale.py").write_text(tool.format("str") + body)
    done = await muxi("doctor")
    assert done.code == 1
    assert "Raise its version to 2.0.0 at least." in done.out


async def test_doctor_tells_a_missing_key_and_never_shows_one(muxi: Muxi) -> None:
    (muxi.folder / "muxi.yaml").write_text("model: anthropic/claude-sonnet-4-5\n")
    done = await muxi("doctor")
    assert done.code == 1
    assert "anthropic/claude-sonnet-4-5 (default) is not ready" in done.out
    muxi.environment["ANTHROPIC_API_KEY"] = "sk-ant-very-secret"
    done = await muxi("doctor")
    assert done.code == 0
    assert "very-secret" not in done.out + done.err


@pytest.mark.ci
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_doctor_tells_a_folder_that_cannot_be_written(muxi: Muxi) -> None:
    muxi.folder.chmod(0o500)
    done = await muxi("doctor")
    muxi.folder.chmod(0o700)
    assert done.code == 1
    assert "cannot be written" in done.out


@pytest.mark.ci
async def test_a_key_is_asked_for_once_and_the_comments_stay(muxi: Muxi) -> None:
    await muxi("init")
    done = await muxi("models", "use", "claude/claude-sonnet-4-5", input="sk-ant-very-secret\n")
    assert (done.code, done.out) == (0, "")
    assert "ANTHROPIC_API_KEY" in done.err
    assert "very-secret" not in done.err
    text = (muxi.folder / "muxi.yaml").read_text()
    assert "model: anthropic/claude-sonnet-4-5\n" in text
    assert "# Agents by name." in text
    assert "very-secret" not in text
    models = json.loads((await muxi("models", "list", "--json")).out)
    assert [model["ready"] for model in models if model["default"]] == [True]

    again = await muxi("models", "use", "anthropic/claude-haiku-4-5")
    assert again.code == 0
    assert "The stored key" in again.err


async def test_a_key_in_the_environment_is_not_asked_for(muxi: Muxi) -> None:
    muxi.environment["OPENAI_API_KEY"] = "sk-very-secret"
    done = await muxi("models", "use", "openai/gpt-5-mini")
    assert done.code == 0
    assert "OPENAI_API_KEY" in done.err
    assert "very-secret" not in done.err
    assert (muxi.folder / "muxi.yaml").exists()
    assert json.loads((await muxi("secrets", "list", "--json")).out) == []


@pytest.mark.ci
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("antropic/claude", "Did you mean anthropic?"),
        ("gpt", "is no model"),
        ("missing.gguf", "There is no file"),
        ("azure/mine", "base_url"),
    ],
)
async def test_a_model_that_cannot_be_used_is_told(muxi: Muxi, name: str, words: str) -> None:
    done = await muxi("models", "use", name)
    assert done.code in (1, 2)
    assert words in done.err
    assert not (muxi.folder / "muxi.yaml").exists()


@pytest.mark.ci
async def test_the_known_models_of_a_provider_have_prices_or_none(muxi: Muxi) -> None:
    done = await muxi("models", "list", "anthropic", "--json")
    models = json.loads(done.out)
    assert all(model["name"].startswith("anthropic/") for model in models)
    assert any(model["price"] for model in models)
    assert all(model["price"] is None or float(model["price"]["input"]) > 0 for model in models)


@pytest.mark.ci
async def test_secrets_go_in_and_never_come_out(muxi: Muxi) -> None:
    assert (await muxi("secrets", "set", "MY_KEY", input="very-secret\n")).code == 0
    listed = await muxi("secrets", "list")
    assert (listed.code, listed.out) == (0, "MY_KEY\n")
    assert (await muxi("secrets", "set", "EMPTY", input="\n")).code == 2
    assert (await muxi("secrets", "set", "../x", input="y")).code != 0
    for file in (muxi.folder / ".muxi").iterdir():
        if file.is_file():
            assert b"very-secret" not in file.read_bytes()
            if file.name != ".gitignore":
                assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    assert (await muxi("secrets", "delete", "MY_KEY")).code == 0
    assert (await muxi("secrets", "delete", "MY_KEY")).code == 2


@pytest.mark.ci
async def test_a_stored_secret_reaches_the_provider(project: Muxi) -> None:
    file = project.folder / "muxi.yaml"
    file.write_text(file.read_text().replace("    retry:", "    key: secret://MINE\n    retry:"))
    missing = await project("run", "hello")
    assert missing.code == 2
    assert "MINE" in missing.err
    await project("secrets", "set", "MINE", input="very-secret")
    assert (await project("run", "hello")).out == "You said: hello\n"


@pytest.mark.ci
async def test_threads_are_listed_shown_and_deleted(project: Muxi) -> None:
    await project("run", "calculate it")
    (thread,) = json.loads((await project("threads", "list", "--json")).out)
    shown = await project("threads", "show", thread["id"])
    assert '→ calculator(expression="17*23")' in shown.out
    assert "← calculator: 391" in shown.out
    assert "assistant: It is 391." in shown.out
    refused = await project("threads", "delete", thread["id"])
    assert refused.code == 2
    assert (await project("threads", "delete", "-y", thread["id"])).code == 0
    assert (await project("threads", "list")).out == ""
    assert (await project("threads", "show", thread["id"])).code == 1


@pytest.mark.ci
async def test_agents_are_shown(project: Muxi) -> None:
    listed = await project("agents", "list")
    assert [line.split()[0] for line in listed.out.splitlines()] == [
        "assistant",
        "careful",
        "asking",
        "short",
    ]
    shown = await project("agents", "show", "careful")
    assert "tools" in shown.out
    assert (await project("agents", "show", "nobody")).code == 1


@pytest.mark.ci
async def test_a_snapshot_is_restored_and_the_replaced_file_kept(project: Muxi) -> None:
    await project("run", "one")
    state = project.folder / ".muxi"
    (state / "snapshots").mkdir(exist_ok=True)
    with (
        closing(sqlite3.connect(state / "muxi.db")) as live,
        closing(sqlite3.connect(state / "snapshots" / SNAPSHOT)) as copy,
    ):
        live.backup(copy)
    await project("run", "two")
    assert (await project("snapshots", "list")).out.startswith(SNAPSHOT)
    assert (await project("snapshots", "restore", SNAPSHOT)).code == 2
    assert (await project("snapshots", "restore", "other.db", "-y")).code == 1
    restored = await project("snapshots", "restore", SNAPSHOT, "-y")
    assert restored.code == 0
    assert restored.out.strip() in {str(file) for file in state.iterdir()}
    titles = [
        item["title"] for item in json.loads((await project("threads", "list", "--json")).out)
    ]
    assert titles == ["one"]


async def test_the_schema_is_json(muxi: Muxi) -> None:
    done = await muxi("schema")
    assert done.code == 0
    assert "agents" in json.loads(done.out)["properties"]


async def test_completion_is_offered(muxi: Muxi) -> None:
    muxi.environment |= {
        "_MUXI_COMPLETE": "complete_bash",
        "COMP_WORDS": "muxi ch",
        "COMP_CWORD": "1",
    }
    done = await muxi()
    assert done.out.split() == ["chat"]
