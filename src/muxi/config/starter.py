"""The muxi.yaml that `muxi init` writes: small, commented, valid, and known to editors."""

from __future__ import annotations

from pathlib import Path

from muxi.config.project import PROJECT_FILE, SCHEMA_FILE
from muxi.core.errors import Conflict

STARTER = f"""\
# yaml-language-server: $schema={SCHEMA_FILE}

# The model of every agent that names none. `embedded` runs inside muxi and needs no key, but it is
# small. `muxi models use anthropic/claude-sonnet-4-5` asks for a key and changes this line.
model: embedded

# Agents by name. The first one, or `assistant`, answers when none is named.
agents:
  assistant:
    description: Answers questions, with a calculator, a clock and the web.
    instructions: |
      You are a helpful assistant. Answer briefly and truthfully.
    tools: [calculator, clock, web_fetch, web_search]

# Your own tools: a Python function with type annotations and a docstring.
# tools:
#   forecast: tools/weather.py:forecast

# Models under names of your own. Keys are references, never the keys themselves.
# models:
#   fast:
#     model: openai/gpt-5-mini
#     key: ${{OPENAI_API_KEY}}
#     fallback: [embedded]

# Where everything is kept; by default an SQLite file in .muxi/.
# storage:
#   url: ${{DATABASE_URL:-sqlite:///.muxi/muxi.db}}

# server:
#   port: 5050
"""


def write_starter(folder: Path) -> Path:
    """Write muxi.yaml into `folder`, with the schema that it names, and give its path.

    Raises:
        Conflict: There is one already; it is left as it is.
    """
    file = folder / PROJECT_FILE
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(STARTER)
    except FileExistsError:
        raise Conflict(
            f"{file} exists already.", hint="Edit it, or choose another folder."
        ) from None
    write_schema(folder)
    return file


def write_schema(folder: Path) -> Path:
    """Write the schema of this version's project file to where muxi.yaml says that it is."""
    from muxi.config.schema import schema_text

    file = folder / SCHEMA_FILE
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(schema_text(), encoding="utf-8")
    return file
