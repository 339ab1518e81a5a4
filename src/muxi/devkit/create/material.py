"""What a server of the template openapi is made from, beside its answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from muxi.devkit.create.answers import Answers
from muxi.devkit.create.rendering import ROOT
from muxi.tools.openapi.document import Object, read_document
from muxi.tools.openapi.operations import select
from muxi.tools.openapi.service import address_of, key_of

SAMPLE: Final = ROOT / "openapi" / "sample.yaml"


@dataclass(frozen=True, slots=True)
class Material:
    """A document, pruned."""

    address: str
    key: Object | None
    operations: list[Object]
    left: list[str]

    @property
    def operations_json(self) -> str:
        """The file that the server reads its operations from."""
        return json.dumps({"operations": self.operations}, ensure_ascii=False, indent=2)


def material_of(answers: Answers) -> Material:
    """What the document of these answers gives; the sample if they name none.

    Raises:
        InvalidInput: The document cannot be read, or has nothing that was asked for.
    """
    document = read_document(answers.openapi or SAMPLE)
    selection = select(document, tags=answers.tags, ids=answers.operations, limit=answers.limit)
    return Material(address_of(document), key_of(document), selection.operations, selection.left)
