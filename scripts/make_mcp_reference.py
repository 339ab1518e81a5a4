"""Writes the pages of docs/reference about the kit for MCP servers: its cases and its rules.

Run it after a change of `muxi.devkit.cases` or of a rule; a test fails when a page is stale.
`--check` writes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pages import keep

from muxi.devkit.cases import Suite
from muxi.devkit.rules.registry import RULES, every_rule

PAGES = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by scripts/make_mcp_reference.py from the code; do not edit. -->\n"

TESTS = """\
The cases of an MCP server stand in a `tests.yaml` beside it. `muxi mcp test` runs them in memory,
over stdio and over HTTP, in both eras of the protocol; `pytest` runs the same file when
`mcp_cases = tests.yaml` stands in its configuration.

```yaml tests.yaml
server: src/weather/server.py
cases:
  - name: adds two numbers
    call: add
    arguments: {a: 2, b: 40}
    expect:
      result: {result: 42}
      contains: "42"
      within_ms: 500

  - name: refuses words
    call: add
    arguments: {a: two, b: 40}
    expect:
      error: integer

  - name: opens a notebook
    call: open_notebook
    arguments: {title: Plans}
    save: {notebook: id}

  - name: writes into it
    call: write
    arguments: {notebook: "${notebook}", text: Buy nuts}
    expect:
      schema:
        type: object
        required: [length]

  - name: asks before it deletes
    call: delete
    arguments: {notebook: "${notebook}"}
    answers:
      - action: accept
        content: {sure: true}
    expect:
      contains: deleted

  - name: shows its help
    read: help://start
    expect:
      matches: "^# "

  - name: offers its tools
    list: tools
    expect:
      names: [add, write]

  - name: proposes a city
    complete: {prompt: forecast, argument: city, value: Be}
    expect:
      contains: Berlin
```

A case asks one thing: `call`, `read`, `prompt`, `list` or `complete`. Without `expect` it passes
when the answer is no error. Errors of a tool (`isError`) and of the protocol count alike; `code`
tells them apart.

- The **text** that `contains`, `lacks` and `matches` look at is that of all pieces of content.
- The **structured result** that `result`, `equals`, `schema` and `save` look at is
  `structuredContent`; where a server gives none, its text read as JSON; for `read`, `prompt`,
  `list` and `complete` it is the whole result. A part is named by its keys and indexes:
  `items.0.id`.
- What is saved under a name is written `${name}` by later cases; a text that is nothing else
  becomes the saved value itself, a number or a list as well.
- Where a tool declares an `outputSchema`, each structured result is held to it, whatever the case
  expects.

`prompts` are requests of people with the call that a model should make of them. `--model NAME`
asks a model of the project for each, with all tools before it, and tells which share it gets right;
nothing that it calls is run.

```yaml tests.yaml
cases: [{list: tools}]
prompts:
  - ask: What is two plus forty?
    call: add
    arguments: {a: 2, b: 40}
  - ask: Tell me a joke.
```

Cases run in order and share a server, once for each transport and revision. `isolate: true` gives
each a server of its own.
"""


def tests_page() -> str:
    schema = Suite.model_json_schema()
    parts: dict[str, dict[str, Any]] = {"The file": schema}
    titles = {"Case": "A case", "Expect": "`expect`", "Answer": "`answers`"}
    titles |= {"Completion": "`complete`", "Labelled": "`prompts`"}
    parts |= {titles[name]: schema["$defs"][name] for name in titles}
    lines = ["# tests.yaml\n", NOTE, TESTS]
    for title, part in parts.items():
        lines += [f"## {title}\n", *_rows(part)]
    return "\n".join(lines)


def _rows(part: dict[str, Any]) -> Iterator[str]:
    yield "| key | form | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in part["properties"].items():
        default = field.get("default")
        shown = f"`{str(default).lower() if isinstance(default, bool) else default}`"
        usual = "" if default in (None, "", [], {}) or isinstance(default, dict) else shown
        text = " ".join(field.get("description", "").split()).replace("|", "\\|")
        required = "required" if name in part.get("required", ()) else usual
        yield f"| `{name}` | {_form(field)} | {required} | {text} |"
    yield ""


_FORMS = {
    "string": "text",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
    "array": "list",
}


def _form(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        forms = [_form(each) for each in field["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(forms))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array" and "enum" in field.get("items", {}):
        return f"list of {_form(field['items'])}"
    if "$ref" in field:
        return "mapping" if not field["$ref"].endswith("JsonValue") else "any value"
    return _FORMS.get(field.get("type", ""), "any value")


RULES_TEXT = """\
`muxi mcp validate` judges a server by these rules. A rule of severity `error` that is broken harms
clients or users, and lets the command end with 1; a `warning` makes a server worse (`--strict`
counts it as well); a `note` is advice. `--ignore RULE` leaves one out.

A server is listed in both eras of the protocol, asked for things that do not exist, and only its
tools that say that they only read (`readOnlyHint`) are called, with what their schemas show and
without what they require; `--no-calls` calls none. Files are judged where the server's own folder
is at hand.
"""


def rules_page() -> str:
    lines = ["# Rules for MCP servers\n", NOTE, RULES_TEXT, f"There are {len(every_rule())}.\n"]
    for about, rules in RULES.items():
        lines.append(f"## {about[0].upper()}{about[1:]}\n")
        for rule in rules.values():
            lines += [
                f"### `{rule.id}`\n",
                f"*{rule.severity}* · {rule.what}\n",
                f"**Why:** {rule.why}\n",
                f"**Fix:** {rule.fix}\n",
            ]
    return "\n".join(lines)


PAGES_BY_NAME = {"mcp-tests.md": tests_page, "mcp-rules.md": rules_page}


if __name__ == "__main__":
    sys.exit(keep(PAGES, PAGES_BY_NAME))
