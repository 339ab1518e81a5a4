"""What `muxi doctor` looks at: each check is a function that gives findings.

A check must not raise for what it is there to find, never tell a secret, and mend nothing. The
project is opened as every command opens it: through its owner if one lives.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from muxi.cli.findings import Finding, State
from muxi.cli.session import Session, in_session, state_of
from muxi.cli.tool_checks import server_findings, tool_findings
from muxi.config.load import default_project, load_project
from muxi.config.project import Project
from muxi.core.errors import ConfigError, MuxiError, StorageCorrupt
from muxi.core.servers import ServerInfo
from muxi.core.status import FilesAtProvider, ModelInfo, ServerStatus
from muxi.core.tools import ToolCheck
from muxi.core.version import __version__
from muxi.runtime.owner import Owner, owner_of
from muxi.runtime.state import StateFolder

_LITTLE_SPACE = 1_000_000_000
_NO_SPACE = 100_000_000
"""Bytes."""

_LOOK_SECONDS = 10.0
"""How long a database is looked through."""

_FEW_DESCRIPTORS = 4096
"""Files and connections that a server with some users may well need."""


@dataclass(slots=True)
class Examination:
    """What the checks share."""

    path: Path | None
    state: StateFolder
    project: Project
    broken: ConfigError | None
    owner: Owner | None


def examine(path: Path | None) -> list[Finding]:
    """All findings, in the order in which they should be read."""
    broken = None
    try:
        project = load_project(path)
    except ConfigError as error:
        broken = error
        place = path or Path()
        project = default_project(place if place.is_dir() else place.parent)
    state = state_of(path)
    examined = Examination(path, state, project, broken, owner_of(state))
    return [finding for check in CHECKS for finding in check(examined)]


def _python(examined: Examination) -> list[Finding]:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return [Finding("muxi", "ok", __version__), Finding("python", "ok", text)]


def _project(examined: Examination) -> list[Finding]:
    if examined.broken is not None:
        return [Finding("project", "error", examined.broken.message)]
    if examined.project.file is None:
        text = f"no muxi.yaml in {examined.project.folder}: defaults are used"
        return [Finding("project", "ok", text, "`muxi init` writes one.")]
    agents = ", ".join(examined.project.agents)
    return [Finding("project", "ok", f"{examined.project.file} (agents: {agents})")]


def _owner(examined: Examination) -> list[Finding]:
    owner = examined.owner
    if owner is None:
        return [Finding("owner", "ok", "no muxi process runs for this project")]
    where = owner.url or owner.socket or "an unknown place"
    return [Finding("owner", "ok", f"process {owner.pid} answers at {where}")]


def _storage(examined: Examination) -> list[Finding]:
    """Whether the database opens, and how models, tools and MCP servers are doing.

    The project is opened as every command does it, once for all of this.
    """
    if examined.broken is not None:
        return [Finding("storage", "warning", "not checked, as the project file has mistakes")]

    try:
        told = in_session(examined.path, _told)
    except MuxiError as error:
        return [Finding("storage", "error", error.message, error.hint)]
    url = examined.project.storage.url
    where = str(examined.state.database) if url is None else "the database of muxi.yaml"
    agent = told.status.default_agent
    return [
        Finding("storage", "ok", f"{where} opens (default agent: {agent})"),
        *map(_model, told.models),
        *map(_kept, told.kept),
        *tool_findings(told.tools),
        *server_findings(told.servers, examined.project.mcp.servers),
    ]


@dataclass(frozen=True, slots=True)
class _Told:
    """What the owner of the project says."""

    status: ServerStatus
    models: list[ModelInfo]
    kept: list[FilesAtProvider]
    tools: ToolCheck
    servers: list[ServerInfo]


async def _told(session: Session) -> _Told:
    client = session.client
    await client.ready()
    try:
        tools = await client.tools.check()
    except ConfigError as error:
        tools = ToolCheck(checked=0, new=[], findings=[], gone=[], problems=[error.message])
    return _Told(
        status=await client.status(),
        models=await client.models(),
        kept=await client.files.at_providers(),
        tools=tools,
        servers=await client.mcp.servers(),
    )


def _database(examined: Examination) -> list[Finding]:
    """Whether the SQLite file is whole, as far as a short look tells."""
    from muxi.cli.snapshots import database_file
    from muxi.storage.integrity import damage

    if examined.broken is not None:
        return []
    try:
        file = database_file(examined.project.storage.url, examined.state)
        if file is None or not file.is_file():
            return []
        found = damage(file, seconds=_LOOK_SECONDS)
    except MuxiError as error:
        return [Finding("database", "warning", f"not checked: {error.message}", error.hint)]
    if found is None:
        text = f"{file} is too large to be looked through here"
        hint = f'`sqlite3 {file} "PRAGMA quick_check"` does it without a time limit.'
        return [Finding("database", "ok", text, hint)]
    if found:
        text = "\n".join([f"{file} is damaged", *found])
        return [Finding("database", "error", text, StorageCorrupt.hint)]
    return [Finding("database", "ok", f"{file} is intact")]


def _model(model: ModelInfo) -> Finding:
    name = model.name if model.model in (None, model.name) else f"{model.name} ({model.model})"
    default = " (default)" if model.default else ""
    if not model.ready:
        state: State = "error" if model.default else "warning"
        return Finding("model", state, f"{name}{default} is not ready", model.note)
    return Finding("model", "ok", f"{name}{default} is ready", model.note)


def _kept(files: FilesAtProvider) -> Finding:
    text = f"{files.provider} keeps {files.kept}"
    if not files.left:
        return Finding("kept", "ok", text)
    text += f", of which {files.left} should be deleted"
    if files.failing_since is None:
        return Finding("kept", "ok", f"{text} and soon will be")
    since = f"{files.failing_since.astimezone():%Y-%m-%d %H:%M}"
    hint = None
    if files.given_up:
        text += f" ({files.given_up} given up)"
        hint = f"Delete them with {files.provider}'s own console."
    return Finding("kept", "warning", f"{text}; deleting fails since {since}", hint)


def _weights(examined: Examination) -> list[Finding]:
    from muxi.models.embedded import openmp
    from muxi.models.embedded.weights import ALL, WeightStore

    store = WeightStore()
    findings: list[Finding] = []
    for weights in (*openmp.needed(), *ALL):
        if not store.path(weights).exists():
            continue
        if store.verify(weights):
            findings.append(Finding("weights", "ok", f"{store.path(weights)} is intact"))
        else:
            hint = "Delete the file; `muxi models pull` fetches it again."
            findings.append(Finding("weights", "error", f"{store.path(weights)} is damaged", hint))
    if not findings:
        text = f"none in {store.folder}; they are fetched on first use"
        findings.append(Finding("weights", "ok", text))
    return findings


def _snapshots(examined: Examination) -> list[Finding]:
    from muxi.storage.snapshots import Snapshots

    found = Snapshots(examined.state.snapshots).list()
    if not found:
        return [Finding("snapshots", "ok", "none; one is made before each migration")]
    newest = f"{found[0].taken_at.astimezone():%Y-%m-%d %H:%M}"
    text = f"{len(found)} in {examined.state.snapshots}, the newest of {newest}"
    return [Finding("snapshots", "ok", text)]


def _files(examined: Examination) -> list[Finding]:
    """Whether keys are readable by their owner only, and whether the folder can be written."""
    state = examined.state
    if not state.root.exists():
        if os.access(examined.project.folder, os.W_OK):
            return []
        text = f"{examined.project.folder} cannot be written"
        return [Finding("files", "error", text, "Run muxi in a folder that you may write to.")]
    if not os.access(state.root, os.W_OK):
        return [Finding("files", "error", f"{state.root} cannot be written")]
    loose = [
        file
        for file in (state.token_file, state.master_key)
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077
    ]
    if loose and os.name == "posix":
        names = ", ".join(str(file) for file in loose)
        hint = f"chmod 600 {names}"
        return [Finding("files", "error", f"others can read {names}", hint)]
    return [Finding("files", "ok", f"{state.root} is private and can be written")]


def _port(examined: Examination) -> list[Finding]:
    if examined.owner is not None and examined.owner.url is not None:
        return [Finding("port", "ok", f"in use by this project's server ({examined.owner.url})")]
    port = examined.project.server.port
    if port == 0:
        return [Finding("port", "ok", "any free one")]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            hint = f"`muxi up --port {port + 1 if port < 65535 else 5050}` takes another one."
            return [Finding("port", "warning", f"{port} is in use by another program", hint)]
    return [Finding("port", "ok", f"{port} is free")]


def _descriptors(examined: Examination) -> list[Finding]:
    """Whether a server could hold many connections: each takes a descriptor, and so does a file."""
    from muxi.server.descriptors import attainable

    count = attainable()
    if not 0 < count < _FEW_DESCRIPTORS:
        return []
    text = f"a process may open {count} files and connections at once, at most"
    hint = "Raise the hard limit: `ulimit -Hn`, or LimitNOFILE= of a systemd unit."
    return [Finding("limits", "warning", text, hint)]


def _disk(examined: Examination) -> list[Finding]:
    folder = examined.project.folder
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return [Finding("disk", "error", f"{folder}: {error.strerror}")]
    text = f"{free / 1e9:.1f} GB free in {folder}"
    if free < _NO_SPACE:
        return [Finding("disk", "error", text, "Free some space: nothing more can be stored.")]
    if free < _LITTLE_SPACE:
        return [Finding("disk", "warning", text, "Free some space soon.")]
    return [Finding("disk", "ok", text)]


Check = Callable[[Examination], list[Finding]]
CHECKS: tuple[Check, ...] = (
    _python,
    _project,
    _owner,
    _files,
    _storage,
    _database,
    _weights,
    _snapshots,
    _port,
    _descriptors,
    _disk,
)
