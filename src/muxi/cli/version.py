"""`muxi version`: which muxi this is, for people and for bug reports."""

from __future__ import annotations

import platform

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption
from muxi.core.version import __version__

app = new_app()


@app.command()
def version(json: JsonOption = False) -> None:
    """Print the version."""
    if json:
        output.as_json(
            {
                "muxi": __version__,
                "python": platform.python_version(),
                "platform": platform.platform(),
            }
        )
    else:
        output.line(f"muxi {__version__}")
