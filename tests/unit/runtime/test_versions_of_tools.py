"""Versions of tools in a living project: chosen by range, side by side, recorded by runs."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import run as run_program

import pytest
from support.served import project

from muxi.core.caller import LOCAL_CALLER
from muxi.core.context import RunContext
from muxi.core.errors import ConfigError, ToolNotFound
from muxi.core.messages import TextPart
from muxi.core.threads import Run
from muxi.models.scripted import ScriptedModel, call
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.principal import LOCAL
from muxi.runtime.requests import RunRequest

SEARCH = '''
from muxi.tools.function import tool

@tool(version="{version}", idempotent=True)
def search(query: str{more}) -> str:
    """Search for something."""
    return "found by {version}"
'''


@pytest.fixture
async def opened() -> AsyncIterator[list[Runtime]]:
    runtimes: list[Runtime] = []
    yield runtimes
    for runtime in runtimes:
        await runtime.close()


def two_versions(folder: Path) -> dict[str, object]:
    (folder / "old.py").write_text(SEARCH.format(version="1.4.0", more=""))
    (folder / "new.py").write_text(SEARCH.format(version="2.1.0", more=", limit: int = 5"))
    return {
        "search@1.4.0": {"kind": "python", "function": "old.py:search"},
        "search": {"kind": "python", "function": "new.py:search"},
    }


async def run_to_the_end(runtime: Runtime, agent: str) -> Run:
    run = await runtime.runs.start(LOCAL_CALLER, RunRequest(input="go", agent=agent))
    if (attempt := runtime.runs.active.get(run.id)) is not None:
        await attempt.wait()
    return await runtime.runs.get(LOCAL, run.id)


async def test_two_versions_of_a_tool_serve_two_agents_at_once_and_runs_record_them(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    agents = {
        "careful": {"name": "careful", "tools": ["search@^1", "clock"], "model": "m/old"},
        "bold": {"name": "bold", "tools": ["search@2.1.0"], "model": "m/new"},
    }
    declared = project(tmp_path, agents=agents, tools=two_versions(tmp_path))
    models = {
        "m/old": ScriptedModel([call("search", query="x"), "done"], name="m/old"),
        "m/new": ScriptedModel([call("search", query="x", limit=2), "done"], name="m/new"),
    }
    runtime = await open_runtime(declared, models=models)
    opened.append(runtime)
    careful = await run_to_the_end(runtime, "careful")
    bold = await run_to_the_end(runtime, "bold")
    assert [(each.name, each.version) for each in careful.tools] == [
        ("search", "1.4.0"),
        ("clock", "1.0.0"),
    ]
    assert [(each.name, each.version) for each in bold.tools] == [("search", "2.1.0")]
    assert careful.tools[0].digest != bold.tools[0].digest
    assert len(bold.tools[0].digest) == 64
    texts = {
        part.text
        for run in (careful, bold)
        for message in await runtime.threads.messages(LOCAL, run.thread_id)
        for result in message.parts
        if result.type == "tool_result"
        for part in result.content
        if isinstance(part, TextPart)
    }
    assert texts == {"found by 1.4.0", "found by 2.1.0"}
    page = await runtime.runs.page(LOCAL)
    assert [each.tools for each in page.items] == [[], []]


async def test_what_a_model_was_shown_is_stored_before_any_call_is_made(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    seen: list[Run] = []

    async def look(ctx: RunContext[None]) -> str:
        """Look at the run."""
        seen.append(await runtime.runs.get(LOCAL, ctx.run_id))
        return "seen"

    agents = {"a": {"name": "a", "tools": ["look"], "model": "m/m"}}
    model = ScriptedModel([call("look"), "done"])
    runtime = await open_runtime(
        project(tmp_path, agents=agents, tools={"look": {"kind": "python", "function": "x:look"}}),
        models={"m/m": model},
        tools={"look": look},
    )
    opened.append(runtime)
    run = await run_to_the_end(runtime, "a")
    assert [each.tools for each in seen] == [run.tools]
    assert [(each.name, each.version) for each in run.tools] == [("look", "0.0.0")]


async def test_a_version_that_is_not_there_is_told_when_the_agent_is_made(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    runtime = await open_runtime(project(tmp_path, tools=two_versions(tmp_path)))
    opened.append(runtime)
    with pytest.raises(ToolNotFound, match=r"no tool search of the versions \^3") as caught:
        await runtime.tools.toolsets(["search@^3"])
    assert caught.value.hint == "There is: 1.4.0, 2.1.0."


async def test_a_function_of_another_version_than_declared_is_refused(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    two_versions(tmp_path)
    tools = {
        "search@9.0.0": {"kind": "python", "function": "new.py:search"},
        "clock@9.0.0": {"kind": "clock"},
    }
    runtime = await open_runtime(project(tmp_path, tools=tools))
    opened.append(runtime)
    with pytest.raises(ConfigError, match=r"should be 9.0.0, but new.py:search is 2.1.0"):
        await runtime.tools.toolsets(["search"])
    with pytest.raises(ConfigError, match=r"declared as 9.0.0, but it is 1.0.0"):
        await runtime.tools.toolsets(["clock@9"])


WEATHER = '''
from muxi import tool
from muxi.core.errors import ConfigError
from muxi.core.manifests import ToolManifest
from muxi.tools.installed import ToolKit

def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Rain in {city}."

def make(options, setup):
    if unknown := set(options) - {"unit"}:
        raise ConfigError(f"weather_map takes no {unknown.pop()}.")

    @tool
    def tile(x: int) -> str:
        """Give a tile of the map."""
        return f"{options.get('unit', 'km')} {setup.secrets.get('key', 'no key')}"

    return [tile]

kit = ToolKit(
    ToolManifest(name="weather_map", version="3.0.0", summary="Maps.", tools=("tile",)), make
)
broken = 5
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place where pip has installed a little package from its wheel."""
    folder = tmp_path_factory.mktemp("package")
    wheel = folder / "muxi_weather-1.2-py3-none-any.whl"
    info = "muxi_weather-1.2.dist-info"
    points = "weather = muxi_weather:weather\nweather_map = muxi_weather:kit\n"
    points += "broken = muxi_weather:broken\nclock = muxi_weather:weather\ngone = muxi_gone:x\n"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("muxi_weather.py", WEATHER)
        packed.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: muxi-weather\nVersion: 1.2\n"
        )
        packed.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(f"{info}/entry_points.txt", f"[muxi.tools]\n{points}")
        packed.writestr(f"{info}/RECORD", "")
    place = folder / "site"
    run_program(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--target", place, wheel],
        check=True,
    )
    return place


@pytest.fixture
def package(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package, not imported yet."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "muxi_weather", raising=False)


async def specs(runtime: Runtime, *wanted: str) -> dict[str, str | None]:
    (toolset,) = await runtime.tools.toolsets(wanted)
    return {spec.name: spec.version for spec in await toolset.specs(RunContext(deps=None))}


@pytest.mark.usefixtures("package")
async def test_any_installed_package_brings_tools(tmp_path: Path, opened: list[Runtime]) -> None:
    runtime = await open_runtime(project(tmp_path))
    opened.append(runtime)
    assert "muxi_weather" not in sys.modules
    assert runtime.tools.names(["weather"]) == ["weather"]
    assert "muxi_weather" not in sys.modules
    assert await specs(runtime, "weather@~1.2", "weather_map") == {
        "weather": "1.2.0",
        "tile": "3.0.0",
    }
    assert await specs(runtime, "clock") == {"clock": "1.0.0"}
    assert await specs(runtime, "clock@1.2.0") == {"clock": "1.2.0"}
    with pytest.raises(ConfigError, match=r"broken of the package muxi-weather 1.2 is none"):
        await runtime.tools.toolsets(["broken"])
    with pytest.raises(ConfigError, match=r"cannot be imported\. ModuleNotFoundError"):
        await runtime.tools.toolsets(["gone"])


@pytest.mark.usefixtures("package")
async def test_a_package_s_tool_takes_options_and_secrets_of_the_project(
    tmp_path: Path, opened: list[Runtime]
) -> None:
    tools = {
        "weather_map": {
            "kind": "package",
            "options": {"unit": "miles"},
            "secrets": {"key": "secret://MAPS"},
        },
        "weather": {"kind": "package", "options": {"unit": "miles"}},
        "nowhere": {"kind": "package"},
    }
    runtime = await open_runtime(project(tmp_path, tools=tools))
    opened.append(runtime)
    await runtime.secrets.put("MAPS", "the-key-of-maps")
    (toolset,) = await runtime.tools.toolsets(["weather_map@3"])
    assert await toolset.call("tile", {"x": 1}, RunContext(deps=None)) == [
        TextPart(text="miles the-key-of-maps")
    ]
    with pytest.raises(ConfigError, match=r"weather of the package .* takes no options"):
        await runtime.tools.toolsets(["weather"])
    with pytest.raises(ConfigError, match="No installed package brings a tool nowhere"):
        await runtime.tools.toolsets(["nowhere"])
