"""Do the names in a project exist? Agents, models and tools that refer to each other.

Works on raw data, so that broken names are told together with all other mistakes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from muxi.config.approval_settings import TOOLS_OF_ROOMS
from muxi.config.mcp_settings import remote_tools
from muxi.config.memory_settings import EMBEDDERS
from muxi.config.mistakes import Mistake, config_error
from muxi.config.personal import misplaced
from muxi.config.project import DEFAULT_AGENT, EMBEDDED, Project
from muxi.config.tool_settings import BUILTIN_FUNCTIONS, BUILTIN_KINDS, TOOLS_OF_PACKAGES
from muxi.core.json_shapes import is_array, is_object
from muxi.core.versions import is_range

Path = tuple[str | int, ...]


def broken_references(
    data: dict[str, Any], imported: Iterable[str] = ()
) -> Iterator[tuple[Path, str]]:
    """The place of each name that nothing bears, with words for people.

    `imported` are the MCP servers that files of other programs declare.
    """
    agents = _mapping(data.get("agents"))
    models = _mapping(data.get("models"))
    tools = {*BUILTIN_KINDS, *BUILTIN_FUNCTIONS}
    tools |= {key.partition("@")[0] for key in _mapping(data.get("tools"))}
    servers = {*imported, *_mapping(_mapping(data.get("mcp")).get("servers"))}
    default = data.get("agent")
    if isinstance(default, str) and default not in (agents or {DEFAULT_AGENT: None}):
        yield ("agent",), _unknown("agent", default, agents or (DEFAULT_AGENT,))
    yield from _model(("model",), data.get("model"), models)
    for name, entry in agents.items():
        place = ("agents", name)
        agent = _mapping(entry)
        if "name" in agent and agent["name"] != name:
            yield (*place, "name"), f"the agent's key is `{name}`; leave `name` out"
        yield from _model((*place, "model"), agent.get("model"), models)
        yield from _tools((*place, "tools"), agent.get("tools"), tools, servers)
        yield from _undeclared((*place, "tools"), agent.get("tools"), data.get("tools"))
        yield from _tools((*place, "approve"), agent.get("approve"), tools, servers)
    yield from _rules(_mapping(data.get("approvals")), tools, servers)
    yield from _memory(_mapping(data.get("memory")), models, agents)
    yield from _media(_mapping(data.get("media")), models)
    for name, entry in _mapping(data.get("tools")).items():
        kind = _mapping(entry).get("kind")
        if name in BUILTIN_KINDS and kind not in (None, name):
            # Of another version, as `NAME@VERSION`, it may stand beside the built-in one.
            yield ("tools", name), f"`{name}` cannot be a tool of the kind `{kind}`"
    for name, entry in models.items():
        fallback = _mapping(entry).get("fallback")
        for at, other in enumerate(_list(fallback)):
            place = ("models", name, "fallback", at)
            if other == name:
                yield place, "a model cannot be its own fallback"
            yield from _model(place, other, models)
    yield from _fallback_circles(models)
    yield from misplaced(data)


def check_references(project: Project) -> None:
    """Check a project that was made in Python.

    Raises:
        ConfigError: It names an agent, a model or a tool that does not exist.
    """
    data = project.model_dump(mode="json")
    file = str(project.file or "The project")
    broken = [
        Mistake(file, 1, 1, ".".join(map(str, path)), words)
        for path, words in broken_references(data)
    ]
    if broken:
        raise config_error(broken)


def _model(path: Path, name: Any, models: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    if not isinstance(name, str) or name in models or "/" in name or name.endswith(".gguf"):
        return
    if name != EMBEDDED:
        yield path, _unknown("model", name, [*models, EMBEDDED], "or write `provider/model`")


def _memory(
    memory: dict[str, Any], models: dict[str, Any], agents: dict[str, Any]
) -> Iterator[tuple[Path, str]]:
    """What of the memory's settings names something."""
    embedder = memory.get("embedder")
    if isinstance(embedder, str) and embedder not in (*models, *EMBEDDERS) and "/" not in embedder:
        words = _unknown("embedder", embedder, [*models, *EMBEDDERS], "or write `provider/model`")
        yield ("memory", "embedder"), words
    reranker = memory.get("reranker")
    if isinstance(reranker, str) and reranker not in models and "/" not in reranker:
        words = _unknown("reranker", reranker, models, "or write `provider/model`")
        yield ("memory", "reranker"), words
    compaction = _mapping(memory.get("compaction"))
    yield from _model(("memory", "compaction", "model"), compaction.get("model"), models)
    for name, entry in agents.items():
        own = _mapping(_mapping(entry).get("memory"))
        if "team" in (own.get("scope"), *_list(own.get("scope"))) and not own.get("team"):
            yield ("agents", name, "memory", "scope"), "the scope `team` needs `team`, its name"


def _media(media: dict[str, Any], models: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """What of the settings of media names a model."""
    for name in ("transcription", "speech", "vision"):
        entry = media.get(name)
        where = ("media", name) if isinstance(entry, str) else ("media", name, "model")
        model = entry if isinstance(entry, str) else _mapping(entry).get("model")
        if isinstance(model, str) and model not in models and "/" not in model:
            yield where, _unknown("model", model, models, "or write `provider/model`")


def _tools(
    path: Path, names: Any, tools: set[str], servers: set[str]
) -> Iterator[tuple[Path, str]]:
    for at, text in enumerate(_list(names)):
        if not isinstance(text, str):
            continue
        name, mark, versions = text.partition("@")
        if mark and not is_range(versions):
            yield (*path, at), f"`{versions}` is no range of versions, such as `^1.2` or `1.4.0`"
        if name in tools or name.rpartition(".")[0] in tools or name in _of_packages():
            continue
        remote = remote_tools(name, servers)
        if remote is not None:
            if not any(fnmatchcase(server, remote[0]) for server in servers):
                yield (*path, at), _unknown("MCP server", remote[0], sorted(servers))
            continue
        if name.endswith("*") and any(tool.startswith(name[:-1]) for tool in tools):
            continue
        yield (*path, at), _unknown("tool", name, _own_first(tools))


def _undeclared(path: Path, names: Any, declared: Any) -> Iterator[tuple[Path, str]]:
    """Built-in tools that are there only for projects that say something of them."""
    there = {key.partition("@")[0] for key in _mapping(declared)}
    for at, text in enumerate(_list(names)):
        name = text.partition("@")[0] if isinstance(text, str) else ""
        kind = BUILTIN_FUNCTIONS.get(name.rpartition(".")[2], name)
        needed = _needed(kind) if kind not in there else ()
        if needed:
            words = f"`{kind}` needs options: write `{'`, `'.join(needed)}` under `tools: {kind}:`"
            yield (*path, at), words


def _needed(kind: str) -> list[str]:
    """The options that a kind cannot do without."""
    fields = BUILTIN_KINDS[kind].model_fields if kind in BUILTIN_KINDS else {}
    return [name for name, field in fields.items() if field.is_required()]


@cache
def _of_packages() -> frozenset[str]:
    """Names of the tools that installed packages bring; reading them imports no package."""
    from importlib.metadata import entry_points

    return frozenset(entry_points(group=TOOLS_OF_PACKAGES).names)


def _rules(
    approvals: dict[str, Any], tools: set[str], servers: set[str]
) -> Iterator[tuple[Path, str]]:
    """Rules about tools that do not exist: whoever wrote one counts on it."""
    known = {*tools, *TOOLS_OF_ROOMS}
    for number, rule in enumerate(_list(approvals.get("rules"))):
        wanted = _mapping(rule).get("tool")
        for at, name in enumerate(_list(wanted) or [wanted]):
            if not isinstance(name, str) or any(fnmatchcase(tool, name) for tool in known):
                continue
            if servers or name in _of_packages() or any(sign in name for sign in "*?["):
                continue
            place: Path = ("approvals", "rules", number, "tool")
            place = (*place, at) if isinstance(wanted, list) else place
            yield place, _unknown("tool", name, _own_first(known))


def _fallback_circles(models: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Fallbacks that lead back to where they began: they would never end."""
    for start in models:
        seen: set[str] = set()
        open_names = [name for name in _fallbacks(models, start) if name != start]
        while open_names:
            name = open_names.pop()
            if name == start:
                yield ("models", start, "fallback"), "the fallbacks of this model lead back to it"
                break
            if name not in seen:
                seen.add(name)
                open_names += _fallbacks(models, name)


def _fallbacks(models: dict[str, Any], name: str) -> list[str]:
    found = _list(_mapping(models.get(name)).get("fallback"))
    return [other for other in found if isinstance(other, str)]


def _own_first(tools: set[str]) -> list[str]:
    """Names of tools, those that the project declares itself before those of muxi."""
    return sorted(
        tools, key=lambda name: (name in BUILTIN_FUNCTIONS or name in BUILTIN_KINDS, name)
    )


def _unknown(kind: str, name: str, known: Iterable[str], more: str = "") -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    known_names = ", ".join(f"`{each}`" for each in names[:12])
    guess = f"did you mean `{near[0]}`? Known: " if near else "known: "
    words = f"there is no {kind} `{name}`; {guess}{known_names}"
    return f"{words}; {more}" if more else words


def _mapping(value: Any) -> dict[str, Any]:
    return value if is_object(value) else {}


def _list(value: Any) -> list[Any]:
    return value if is_array(value) else []
