"""Configuration becomes objects: models with their keys and wrappers, tools, agents."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.served import project

from muxi.config.project import Project
from muxi.config.secret import SecretRef
from muxi.core.context import RunContext
from muxi.core.errors import (
    ConfigError,
    ModelKeyMissing,
    NotFound,
    SecretMissing,
    ToolNotFound,
    UnknownModel,
    WeightsUnavailable,
)
from muxi.core.events import ModelRetried, ResponseCompleted
from muxi.core.messages import TextPart, user_message
from muxi.core.requests import ModelRequest
from muxi.models.concurrency import LimitedModel
from muxi.models.fallback import FallbackModel
from muxi.models.rate import RatedModel
from muxi.models.scripted import ScriptedModel, echo_model
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.principal import LOCAL
from muxi.runtime.stand_in import Weighty


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "MUXI_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def opened() -> AsyncIterator[list[Runtime]]:
    runtimes: list[Runtime] = []
    yield runtimes
    for runtime in runtimes:
        await runtime.close()


async def _open(opened: list[Runtime], folder: Path, **declared: Any) -> Runtime:
    runtime = await open_runtime(project(folder, **declared))
    opened.append(runtime)
    return runtime


async def test_a_model_without_a_key_is_told_before_anything_is_stored(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    runtime = await _open(opened, tmp_path, model="openai/gpt-5")
    with pytest.raises(ModelKeyMissing, match="OpenAI"):
        await runtime.models.live(None)
    info = await runtime.models.info()
    assert (info.default, info.ready) == (True, False)
    assert "key" in (info.note or "")


async def test_a_stored_key_is_used_from_the_next_run_on(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    runtime = await _open(opened, tmp_path, model="openai/gpt-5")
    await runtime.set_secret("OPENAI_API_KEY", "a-key-that-is-stored")
    first = await runtime.models.live(None)
    assert (await runtime.models.info()).ready
    assert await runtime.models.live(None) is first
    await runtime.set_secret("OPENAI_API_KEY", "another-key-that-is-stored")
    assert await runtime.models.live(None) is not first
    await runtime.delete_secret("OPENAI_API_KEY")
    with pytest.raises(ModelKeyMissing):
        await runtime.models.live(None)


async def test_secrets_are_resolved_by_name_and_by_variable(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    runtime = await _open(opened, tmp_path)
    with pytest.raises(SecretMissing, match="MINE"):
        await runtime.secrets.resolve(SecretRef("secret://MINE"))
    with pytest.raises(SecretMissing, match="NOT_SET"):
        await runtime.secrets.resolve(SecretRef("${NOT_SET}"))
    await runtime.set_secret("MINE", "the-hidden-value")
    assert await runtime.secrets.resolve(SecretRef("secret://MINE")) == "the-hidden-value"
    assert await runtime.secrets.resolve(SecretRef("a-${X}-b", {"X": "y"})) == "a-y-b"
    assert await runtime.credentials.secret(RunContext(deps=None), "MINE") == "the-hidden-value"
    assert await runtime.secrets.names() == ["MINE"]
    assert b"the-hidden-value" not in runtime.state.database.read_bytes()


async def test_a_model_gets_the_wrappers_that_it_declares(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    models = {
        "spare": {"model": "scripted/echo"},
        "main": {
            "model": "openai/gpt-5",
            "base_url": "http://127.0.0.1:9/v1",
            "rate": {"requests": 60},
            "concurrency": 2,
            "fallback": ["spare"],
            "settings": {"temperature": 0.5, "max_tokens": 100},
        },
    }
    runtime = await _open(opened, tmp_path, model="main", models=models)
    model = await runtime.models.live(None)
    assert isinstance(model, FallbackModel)
    limited = model.models[0]
    assert isinstance(limited, LimitedModel)
    assert isinstance(limited.inner, RatedModel)
    assert runtime.models.settings(None).temperature == 0.5
    names = [info.name for info in await runtime.models.infos()]
    assert names == ["main", "spare", "embedded"]


async def test_an_agent_s_settings_go_before_its_model_s(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    models = {"m": {"model": "scripted/echo", "settings": {"temperature": 0.5, "max_tokens": 9}}}
    agents = {"a": {"name": "a", "settings": {"temperature": 0.1}}}
    runtime = await _open(opened, tmp_path, model="m", models=models, agents=agents)
    agent = await runtime.agents.live(await runtime.agents.current(LOCAL, "a"))
    assert (agent.spec.settings.temperature, agent.spec.settings.max_tokens) == (0.1, 9)
    assert await runtime.agents.live(await runtime.agents.current(LOCAL, None)) is agent


async def test_an_unknown_model_is_told(tmp_path: Path, opened: list[Runtime]) -> None:
    runtime = await _open(opened, tmp_path, model="nowhere/model")
    with pytest.raises(UnknownModel):
        await runtime.models.live(None)
    assert not (await runtime.models.info()).ready


async def test_the_embedded_model_is_said_to_be_small(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    runtime = await _open(opened, tmp_path, model="embedded")
    info = (await runtime.status(LOCAL)).model
    assert info.small
    assert "muxi models use" in (info.note or "")
    assert "xllamacpp" not in sys.modules


async def test_without_weights_a_stand_in_says_so_and_the_network_is_not_asked_each_time() -> None:
    asked = 0

    def nowhere(request: ModelRequest) -> WeightsUnavailable:
        nonlocal asked
        asked += 1
        return WeightsUnavailable("The weights are nowhere.")

    model = FallbackModel([Weighty(ScriptedModel(nowhere)), echo_model()])
    request = ModelRequest(messages=[user_message("hello")])
    for _ in range(3):
        events = [event async for event in model.stream(request)]
        assert isinstance(events[0], ModelRetried)
        assert events[0].problem.code == "weights_unavailable"
        assert isinstance(events[-1], ResponseCompleted)
        (part,) = events[-1].parts
        assert isinstance(part, TextPart)
        assert part.text.endswith("hello")
    assert asked == 1


TOOLS = '''
from muxi import tool

@tool(approval=True, retries=1)
def shout(text: str) -> str:
    """Say it loudly."""
    return text.upper()

class Box:
    @staticmethod
    def inner(n: int) -> int:
        """Give one more."""
        return n + 1

number = 5
'''


async def test_tools_of_the_project_are_found_and_renamed(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    (tmp_path / "mine.py").write_text(TOOLS)
    tools = {
        "loud": {"kind": "python", "function": "mine.py:shout", "approval": False},
        "more": {"kind": "python", "function": "mine.py:Box.inner"},
    }
    agents = {"a": {"name": "a", "tools": ["loud", "mo*", "calculator"]}}
    runtime = await _open(opened, tmp_path, agents=agents, tools=tools)
    (toolset,) = await runtime.tools.toolsets(["loud", "mo*", "calculator"])
    ctx = RunContext(deps=None)
    specs = {spec.name: spec for spec in await toolset.specs(ctx)}
    assert list(specs) == ["loud", "more", "calculator"]
    assert not specs["loud"].approval
    assert specs["loud"].retries == 1
    (said,) = await toolset.call("loud", {"text": "hey"}, ctx)
    assert isinstance(said, TextPart)
    assert said.text == "HEY"
    (info,) = await runtime.agents.infos(LOCAL)
    assert info.tools == ["loud", "more", "calculator"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("mine.py:nothing", "has no nothing"),
        ("mine.py:number", "is not a function"),
        ("absent.py:x", "no file"),
        ("no_such_module_anywhere:x", "cannot be imported"),
        ("broken.py:x", "cannot be imported"),
    ],
)
async def test_a_tool_that_cannot_be_had_is_told(
    function: str, words: str, tmp_path: Path, opened: list[Runtime]
) -> None:
    (tmp_path / "mine.py").write_text(TOOLS)
    (tmp_path / "broken.py").write_text("raise ValueError('at import')")
    tools = {"t": {"kind": "python", "function": function}}
    runtime = await _open(opened, tmp_path, tools=tools)
    with pytest.raises(ConfigError, match=words):
        await runtime.tools.toolsets(["t"])


async def test_a_tool_that_nobody_has_is_told(tmp_path: Path, opened: list[Runtime]) -> None:
    runtime = await _open(opened, tmp_path)
    with pytest.raises(ToolNotFound):
        await runtime.tools.toolsets(["unheard_of"])
    with pytest.raises(ToolNotFound):
        await runtime.tools.toolsets(["unheard*"])


async def test_a_name_in_the_file_and_in_the_database_is_an_error(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    model = ScriptedModel([])
    first = await open_runtime(project(tmp_path), models={"m/m": model})
    poet = (await first.agents.current(LOCAL, None)).definition.model_copy(update={"name": "poet"})
    await first.agents.save(LOCAL, poet)
    await first.close()
    both = project(tmp_path, agents={"poet": {"name": "poet"}})
    with pytest.raises(ConfigError, match="poet is in the project file and in the database"):
        await open_runtime(both)
    runtime = await _open(opened, tmp_path)
    with pytest.raises(NotFound, match="no agent nobody"):
        await runtime.agents.current(LOCAL, "nobody")


async def test_a_project_without_a_file_has_one_agent_with_tools(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    runtime = await open_runtime(Project(agents={}, folder=tmp_path))
    opened.append(runtime)
    (info,) = await runtime.agents.infos(LOCAL)
    assert (info.name, info.source, info.default) == ("assistant", "default", True)
    assert "calculator" in info.tools
    assert info.model == "embedded"


async def test_a_store_whose_address_is_not_set_is_not_replaced_by_another(tmp_path: Path) -> None:
    url = SecretRef("${NOWHERE_SET_URL}", {})
    with pytest.raises(SecretMissing, match=r"`storage\.url`"):
        await open_runtime(project(tmp_path, storage={"url": url}))
    assert not (tmp_path / ".muxi" / "muxi.db").exists()
