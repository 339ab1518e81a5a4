"""`muxi schema`: what may stand in muxi.yaml, for editors."""

from __future__ import annotations

from muxi.cli import output
from muxi.cli.app import new_app

app = new_app()


@app.command()
def schema() -> None:
    """Print the JSON Schema of muxi.yaml."""
    from muxi.config.schema import schema_text

    output.write(schema_text())
