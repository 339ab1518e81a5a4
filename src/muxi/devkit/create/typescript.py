"""What a new TypeScript server offers, known before it can be asked.

Asking it would need Node and its packages. Its surface stands beside its template instead; the test
of what it writes, which runs with Node, compares the two.
"""

from __future__ import annotations

import json
from typing import Any

from muxi.devkit.create.answers import Answers
from muxi.devkit.create.catalogue import VERSION
from muxi.devkit.create.material import Material
from muxi.devkit.create.rendering import ROOT
from muxi.mcp.surface import Surface


def known_surface(answers: Answers, material: Material | None) -> Surface:
    """All that a new server of these answers lists."""
    file = ROOT / "typescript" / answers.template.name / "surface.json"
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    tools: list[Any] = known["tools"]
    if material is not None:
        (shared,) = tools
        tools = [
            {
                **shared,
                "name": operation["name"],
                "title": operation["title"],
                "description": operation["description"],
                "inputSchema": operation["input_schema"],
                "annotations": operation["annotations"],
            }
            for operation in material.operations
        ]
    return Surface(
        name=answers.names.name,
        version=VERSION,
        instructions=known["instructions"],
        tools=tuple(tools),
    )
