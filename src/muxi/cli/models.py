"""`muxi models`: which language models there are, and which one answers."""

from __future__ import annotations

from typing import Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption

app = new_app(help="List, fetch and choose language models.")


@app.command("list")
def list_models(
    provider: Annotated[
        str | None, typer.Argument(help="A provider, to list all that is known of its models.")
    ] = None,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """List the models of this project, or all known ones of a provider.

    Prices are US dollars for a million tokens; one that is not known is shown as `?`.
    """
    if provider is not None:
        from muxi.cli.choosing import list_known

        list_known(provider, as_json=json)
        return
    from muxi.cli.session import Session, in_session
    from muxi.core.status import ModelInfo

    async def work(session: Session) -> list[ModelInfo]:
        return await session.client.models()

    models = in_session(project, work)
    if json:
        output.as_json([model.model_dump(mode="json", exclude_none=True) for model in models])
        return
    rows = [
        (
            model.name,
            "default" if model.default else "",
            "ready" if model.ready else "not ready",
            model.model or "",
            model.note or "",
        )
        for model in models
    ]
    output.table(("model", "", "", "provider/model", "note"), rows)


@app.command("pull")
def pull(
    name: Annotated[
        str,
        typer.Argument(help="`embedded` (all, 190 MB) or `minilm` (its embedder alone, 91 MB)."),
    ] = "embedded",
) -> None:
    """Fetch the weights of an embedded model, so that it works without a network later."""
    from muxi.cli.weights import fetch_weights
    from muxi.models.embedded import openmp
    from muxi.models.embedded.weights import ALL, MINILM, MINILM_TOKENIZER, WeightStore

    known = {"embedded": (*openmp.needed(), *ALL), "minilm": (MINILM, MINILM_TOKENIZER)}
    wanted = known.get(name)
    if wanted is None:
        raise typer.BadParameter(f"There are weights for {' and '.join(known)} only.")
    fetch_weights(*wanted)
    for weights in wanted:
        output.line(str(WeightStore().path(weights)))


@app.command("use")
def use(
    name: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="`provider/model`, `embedded`, a GGUF file, or a name of the project's models.",
        ),
    ],
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Ask for the key again, even if one is stored.")
    ] = False,
    project: ProjectOption = None,
) -> None:
    """Make a model the default one of this project.

    If its provider needs a key and none is set, it is asked for once and stored, encrypted; from a
    pipe, it is read from standard input. Only the line `model:` of muxi.yaml is changed.
    """
    from muxi.cli.choosing import choose

    choose(name, new_key=new_key, path=project)
