"""Where documents come from: what the project file names, and what a path or an address is.

Called by `knowledge`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from muxi.config.knowledge_settings import SourceSettings
from muxi.config.project import Project
from muxi.core import owners
from muxi.core.documents import Document, DocumentKind
from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.record import now
from muxi.storage import documents
from muxi.storage.transaction import Tx

_ABANDONED = 600.0
"""Seconds after which a text that was handed in and is not indexed never will be."""


def declared(project: Project) -> list[Document]:
    """The documents that the project file names, those of its agents too."""
    wanted = [_declared(project, owners.TENANT, each) for each in project.knowledge.sources]
    for name, definition in project.agents.items():
        owner = owners.owner("agent", name)
        wanted += [_declared(project, owner, each) for each in definition.knowledge.sources]
    return wanted


def store_declared(tx: Tx, wanted: Sequence[Document]) -> list[Document]:
    """Store what the project file names and says of it.

    Returns:
        What is to be removed, since it is named no more or was never handed in whole.
    """
    gone: list[Document] = []
    named = {(document.owner, document.uri) for document in wanted}
    for document in documents.roots(tx):
        abandoned = document.kind == "text" and document.status == "waiting"
        if abandoned and (now() - document.added_at).total_seconds() > _ABANDONED:
            # Its bytes went with the process that was given them, and were never acknowledged.
            gone.append(document)
        elif document.declared and (document.owner, document.uri) not in named:
            gone.append(document)
    for document in wanted:
        known = documents.find(tx, document.owner, document.uri)
        if known is None:
            documents.add(tx, document)
            continue
        said = {
            name: getattr(document, name) for name in ("agents", "ignore", "metadata", "declared")
        }
        if any(getattr(known, name) != value for name, value in said.items()):
            documents.update(tx, known.model_copy(update=said))
    return gone


def place_of(project: Project, source: str, *, must_exist: bool = True) -> tuple[DocumentKind, str]:
    """What `source` is, and its address as it is stored.

    Raises:
        InvalidInput: There is no such file, or none can be called so.
        AccessDenied: It lies where the keys of the project are.
    """
    if is_of_web(source):
        return "url", urldefrag(source.strip()).url
    try:
        path = (project.folder / Path(source).expanduser()).resolve()
        exists, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError, RuntimeError):
        # Too long, or with a zero byte, or in the home of nobody.
        raise InvalidInput("This is no path of a file or folder.") from None
    state = project.state_folder.resolve()
    if path == state or state in path.parents:
        raise AccessDenied("The project's own state is no document.")
    if must_exist and not exists:
        raise InvalidInput(f"There is no file or folder {path}.", path=str(path))
    # What is declared and missing may come: a name with an ending is a file's.
    is_folder = is_folder or not (exists or path.suffix)
    return ("folder" if is_folder else "file"), str(path)


def is_of_web(source: str) -> bool:
    """Whether `source` is an address of the web, and no path."""
    return source.lower().startswith(("http://", "https://"))


def is_due(document: Document, refresh_hours: float | None) -> bool:
    """Whether a document is looked at when the process starts."""
    if document.kind == "text":
        return False
    if document.kind != "url" or document.checked_at is None:
        return True
    age = (now() - document.checked_at).total_seconds()
    return refresh_hours is not None and age > refresh_hours * 3600


def name_of(kind: DocumentKind, uri: str) -> str:
    """How a document is called unless somebody says otherwise."""
    if kind != "url":
        return Path(uri).name or uri
    parts = urlsplit(uri)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"[:200]


def touches(root: Document, paths: set[Path]) -> bool:
    """Whether a change of these paths may be one of a document, or of what is in a folder."""
    place = Path(root.uri)
    if root.kind == "file":
        return place in paths
    return root.kind == "folder" and any(place == path or place in path.parents for path in paths)


def _declared(project: Project, owner: str, source: str | SourceSettings) -> Document:
    said = SourceSettings(source=source) if isinstance(source, str) else source
    kind, uri = place_of(project, said.source, must_exist=False)
    return Document(
        owner=owner,
        kind=kind,
        name=name_of(kind, uri),
        uri=uri,
        agents=None if said.agents is None else list(said.agents),
        ignore=said.ignore,
        metadata=said.metadata,
        declared=True,
    )
