"""The project's own functions as tools: found in its files and modules. Called by `tools`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from muxi.config.tool_settings import PythonTool
from muxi.core.errors import ConfigError

if TYPE_CHECKING:
    from muxi.tools.function import FunctionTool


def project_function(
    name: str, version: str | None, definition: PythonTool, folder: Path
) -> FunctionTool[..., Any]:
    """A tool of the project's own under the name that the project gives it.

    Raises:
        ConfigError: There is no such function, it cannot be imported, or it is of another version.
    """
    from muxi.tools.function import as_tool

    found = function_at(definition.function, folder, what=f"The tool {name}")
    options: dict[str, Any] = {
        option: value
        for option in ("approval", "timeout", "retries")
        if (value := getattr(definition, option)) is not None
    }
    made = as_tool(found)
    if version is not None and made.version not in (None, version):
        raise ConfigError(
            f"The tool {name} should be {version}, but {definition.function} is {made.version}."
        )
    return made.changed(name=name, version=version or made.version, **options)


def function_at(named: str, folder: Path, *, what: str) -> Callable[..., Any]:
    """What `file.py:function` or `package.module:function` names.

    Args:
        named: The module, by its name or by its file in the project, and the function in it.
        folder: The project's.
        what: What it is to be, for errors.

    Raises:
        ConfigError: There is no such function, or it cannot be imported.
    """
    place, _, path = named.rpartition(":")
    found: Any = _module(what, place, folder)
    try:
        for step in path.split("."):
            found = getattr(found, step)
    except AttributeError as error:
        raise ConfigError(f"{what}: {place} has no {path}.") from error
    if not callable(found):
        raise ConfigError(f"{what}: {named} is not a function.")
    return found


class _AsWritten(SourceFileLoader):
    """Never by the byte code beside a file: Python takes it for that of any file that has as many
    bytes and was written in the same second, such as one that is changed and loaded anew."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _module(what: str, place: str, folder: Path) -> ModuleType:
    """The module that holds a function, by its name or by its file in the project."""
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        file = folder / place
        if not file.is_file():
            raise ConfigError(f"{what}: there is no file {file}.")
        name = f"muxi_project_{file.stem}"
        loader = _AsWritten(name, str(file))
        spec = importlib.util.spec_from_file_location(name, file, loader=loader)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except ConfigError:
        raise
    except Exception as error:
        # The project's own code: whatever it raises while it is imported is a mistake in it.
        words = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{what}: {place} cannot be imported. {words}") from error
    return module
