"""Choosing a model: what is known of it, its key, and the line in muxi.yaml. Called by `models`."""

from __future__ import annotations

import os
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path

from muxi.cli import output
from muxi.cli.secrets import read_secret
from muxi.cli.session import Session, in_session, state_of
from muxi.config.edit import set_value
from muxi.config.load import load_project
from muxi.config.project import EMBEDDED, Project
from muxi.config.starter import write_starter
from muxi.core.errors import InvalidInput, NotFound, UnknownModel
from muxi.models import catalogue
from muxi.models.providers import ALIASES, LONG_TAIL, PROVIDERS, Provider
from muxi.runtime.owner import owner_of


def list_known(provider: str, *, as_json: bool) -> None:
    """Print what the catalogue knows of a provider's models."""
    name = _provider_name(provider)
    entries = [entry for entry in catalogue.models_of(name) if entry.kind == "chat"]
    if as_json:
        output.as_json([_known(name, entry) for entry in entries])
        return
    rows = [
        (
            f"{name}/{entry.id}",
            f"{entry.context:,}" if entry.context else "?",
            _dollars(price.input if (price := entry.price()) else None),
            _dollars(price.output if price else None),
        )
        for entry in entries
    ]
    output.table(("model", "context", "$ in", "$ out"), rows)


def _known(provider: str, entry: catalogue.Entry) -> dict[str, object]:
    price = entry.price()
    return {
        "name": f"{provider}/{entry.id}",
        "context_tokens": entry.context,
        "output_tokens": entry.output,
        "tools": entry.tools,
        "deprecated": entry.deprecated,
        "price": None
        if price is None
        else {
            "input": str(price.input),
            "output": None if price.output is None else str(price.output),
        },
    }


def _dollars(value: Decimal | None) -> str:
    return "?" if value is None else f"{value:.2f}"


def choose(name: str, *, new_key: bool, path: Path | None) -> None:
    """Make `name` the default model of the project at `path`.

    Raises:
        UnknownModel: There is no such provider.
        InvalidInput: The model needs more than a key; the hint says what to write.
    """
    project = load_project(path)
    name = _normalised(name, project)
    before = owner_of(state_of(path))
    if "/" in name and not name.endswith(".gguf") and name not in project.models:
        _prepare(name, new_key=new_key, path=path)
    file = project.file
    if file is None:
        file = write_starter(project.folder)
        output.say(f"Wrote {file}.")
    set_value(file, ("model",), name)
    output.say(f"{name} is now the default model, in {file}.")
    if before is not None:
        output.say(f"Process {before.pid} still uses the old one: restart it.")


def _normalised(name: str, project: Project) -> str:
    """`name` as the project file should have it; an unknown one is refused."""
    if name == EMBEDDED or name in project.models:
        return name
    if name.endswith(".gguf"):
        if not (project.folder / Path(name).expanduser()).is_file():
            raise NotFound(f"There is no file {name}.", hint="Give the path of a GGUF file.")
        return name
    provider, slash, model = name.partition("/")
    if not slash or not model:
        known = ", ".join([EMBEDDED, *project.models])
        raise UnknownModel(
            f"{name} is no model.", hint=f"Write `provider/model`, a GGUF file, or one of: {known}."
        )
    return f"{_provider_name(provider)}/{model}"


def _provider_name(given: str) -> str:
    name = ALIASES.get(given.lower(), given.lower())
    if name in PROVIDERS or name in LONG_TAIL:
        return name
    near = get_close_matches(name, [*PROVIDERS, *ALIASES, *LONG_TAIL], n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise UnknownModel(
        f"{given} is no provider that is known here.",
        hint=f"{guess}Known are: {', '.join(PROVIDERS)}.",
    )


def _prepare(name: str, *, new_key: bool, path: Path | None) -> None:
    """Tell what is doubtful about a model, and see to its key."""
    provider_name, _, model = name.partition("/")
    provider = PROVIDERS.get(provider_name)
    if provider is None:
        output.say(f"{LONG_TAIL[provider_name]} takes its keys from its own environment variables.")
        return
    if provider.base_url is None and not any(
        os.environ.get(each) for each in provider.base_url_env
    ):
        raise InvalidInput(
            f"{provider.title} has no address of its own.",
            hint="Write the model into muxi.yaml, with its address:\n"
            f"models:\n  mine:\n    model: {name}\n    base_url: https://…\nmodel: mine",
        )
    if not provider.local and catalogue.models_of(provider_name):
        _doubt(provider_name, model)
    if provider.key_needed:
        _see_to_key(provider, new_key=new_key, path=path)


def _doubt(provider: str, model: str) -> None:
    if catalogue.find(provider, model) is not None:
        return
    near = catalogue.close_names(provider, model)
    guess = f" Did you mean {', '.join(near)}?" if near else ""
    output.warn(f"{provider}/{model} is not in the catalogue; its price is unknown.{guess}")


def _see_to_key(provider: Provider, *, new_key: bool, path: Path | None) -> None:
    """Ask for the provider's key and store it, unless there is one already."""
    found = next((name for name in provider.key_env if os.environ.get(name)), None)
    if found is not None and not new_key:
        output.say(f"The key is taken from the environment variable {found}.")
        return

    async def stored(session: Session) -> set[str]:
        return set(await session.client.secrets.names())

    names = in_session(path, stored)
    if not new_key and names.intersection(provider.key_env):
        output.say(f"The stored key of {provider.title} is used; --new-key replaces it.")
        return
    name = provider.key_env[0]
    value = read_secret(f"API key of {provider.title}")

    async def store(session: Session) -> None:
        await session.client.secrets.put(name, value)

    in_session(path, store)
    output.say(f"Stored the key, encrypted, as {name}.")
