"""What servers with fastmcp have otherwise than those with the official SDK alone.

Both are written from the same templates, in which these values stand for the small differences; the
larger ones are files of their own in `templates/python/fastmcp`.
"""

from __future__ import annotations

from muxi.core.json_shapes import is_array, is_object
from muxi.devkit.create.catalogue import Framework, Template
from muxi.mcp.surface import Surface

_SCHEMAS_BY_NAME = ("properties", "$defs", "patternProperties")
_VALUES = ("default", "examples", "const", "enum")


def framework_values(framework: Framework) -> dict[str, str]:
    """What a template may say of its framework."""
    fast = framework == "fastmcp"
    return {
        "framework": framework,
        "tool_errors": "fastmcp.exceptions" if fast else "mcp.server.mcpserver.exceptions",
        "add_tool": "tool" if fast else "add_tool",
        "in_memory": ".sdk" if fast else "",
    }


def as_fastmcp_lists(surface: Surface, template: Template) -> Surface:
    """The listing of a server with the SDK alone, as fastmcp gives it for the same parts.

    fastmcp leaves out the titles that pydantic makes from the names of what it describes.
    """
    own = {name for kind, name in template.parts if kind == "tool"}
    tools = [
        {
            key: _untitled(value) if key in ("inputSchema", "outputSchema") else value
            for key, value in tool.items()
        }
        if tool["name"] in own
        else tool
        for tool in surface.tools
    ]
    return surface.model_copy(update={"tools": tuple(tools)})


def _untitled(schema: object) -> object:
    """A schema without titles, its own and those of all that is in it."""
    if is_array(schema):
        return [_untitled(each) for each in schema]
    if not is_object(schema):
        return schema
    untitled: dict[str, object] = {}
    for key, value in schema.items():
        inside: object = value
        if key in _SCHEMAS_BY_NAME and is_object(inside):
            untitled[key] = {name: _untitled(each) for name, each in inside.items()}
        elif key in _VALUES:
            untitled[key] = inside
        elif key != "title":
            untitled[key] = _untitled(inside)
    return untitled
