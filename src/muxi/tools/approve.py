"""A toolset some of whose calls need a person's approval, beside those that say so themselves."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from muxi.core.requests import ToolSpec
from muxi.tools.toolset import Toolset
from muxi.tools.wrapper import ToolsetWrapper


class ApprovedToolset(ToolsetWrapper):
    """The tools of `inner`; those that match one of `names` (`*` for any) need approval."""

    def __init__(self, inner: Toolset, names: Iterable[str] = ("*",)) -> None:
        super().__init__(inner)
        self._names = tuple(names)

    def change(self, spec: ToolSpec) -> ToolSpec:
        if spec.approval or not any(fnmatchcase(spec.name, name) for name in self._names):
            return spec
        return spec.model_copy(update={"approval": True})
