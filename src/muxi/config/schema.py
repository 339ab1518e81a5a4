"""The JSON Schema of muxi.yaml, for editors and for messages. Made from the data classes.

`python -m muxi.config.schema` prints it; the copy in the documentation is checked by a test. It is
built when asked for, never when a project is loaded without mistakes.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any, cast

from pydantic import BaseModel

from muxi.config.approval_settings import ApprovalRule, ApprovalSettings, Bounds, Condition
from muxi.config.audit_settings import AuditSettings
from muxi.config.credential_settings import CredentialSettings
from muxi.config.federation_settings import JwtIssuer, OidcProvider
from muxi.config.file_settings import FileSettings
from muxi.config.identity_settings import (
    IdentitySettings,
    KeySettings,
    PasswordSettings,
    SessionSettings,
)
from muxi.config.knowledge_settings import (
    ConversionSettings,
    KnowledgeSettings,
    SourceSettings,
)
from muxi.config.master_key_settings import MasterKeySettings
from muxi.config.mcp_auth import McpAuthSettings
from muxi.config.mcp_offer import McpOffer
from muxi.config.mcp_settings import (
    McpServerSettings,
    McpSettings,
    ServerPackages,
    ServerPermissions,
)
from muxi.config.media_settings import MediaSettings, SpeechSettings, TranscriptionSettings
from muxi.config.memory_settings import (
    CompactionSettings,
    FactSettings,
    MemorySettings,
    RecallSettings,
    RetentionDays,
    RetentionLimits,
    RetentionSettings,
)
from muxi.config.model_settings import (
    ModelDefinition,
    PriceSettings,
    RateSettings,
    RetrySettings,
)
from muxi.config.policy_settings import PolicySettings, RoleSettings
from muxi.config.project import (
    Project,
    SnapshotSettings,
    StorageSettings,
)
from muxi.config.rate_settings import RateLimit, RateLimits
from muxi.config.realtime_settings import EventSettings
from muxi.config.server_settings import LogSettings, ServerSettings, TlsSettings
from muxi.config.service_tool_settings import ApiSettings, MailServer
from muxi.config.tool_settings import BUILTIN_KINDS, PackageTool, PythonTool
from muxi.core.budgets import Budget
from muxi.core.definitions import AgentDefinition
from muxi.core.documents import KnowledgePolicy
from muxi.core.memories import MemoryPolicy
from muxi.core.requests import ModelSettings
from muxi.core.summaries import CompactionPolicy
from muxi.core.tool_search import ToolSearchPolicy
from muxi.core.usage import Limits

_CLASSES: tuple[type[BaseModel], ...] = (
    AgentDefinition,
    ApiSettings,
    ApprovalRule,
    ApprovalSettings,
    Bounds,
    Budget,
    CompactionPolicy,
    CompactionSettings,
    Condition,
    ConversionSettings,
    EventSettings,
    LogSettings,
    CredentialSettings,
    FactSettings,
    FileSettings,
    IdentitySettings,
    AuditSettings,
    JwtIssuer,
    KeySettings,
    KnowledgePolicy,
    KnowledgeSettings,
    Limits,
    MailServer,
    MasterKeySettings,
    McpAuthSettings,
    McpOffer,
    McpServerSettings,
    McpSettings,
    MediaSettings,
    MemoryPolicy,
    MemorySettings,
    ModelDefinition,
    ModelSettings,
    OidcProvider,
    PackageTool,
    PasswordSettings,
    PolicySettings,
    PriceSettings,
    Project,
    PythonTool,
    RateLimit,
    RateLimits,
    RateSettings,
    RecallSettings,
    RetentionDays,
    RetentionLimits,
    RetentionSettings,
    RetrySettings,
    RoleSettings,
    ServerPackages,
    ServerPermissions,
    ServerSettings,
    SessionSettings,
    SnapshotSettings,
    SourceSettings,
    SpeechSettings,
    StorageSettings,
    TlsSettings,
    ToolSearchPolicy,
    TranscriptionSettings,
    *BUILTIN_KINDS.values(),
)
_KINDS_OF_TOOLS: dict[str | int, type[BaseModel]] = {
    **BUILTIN_KINDS,
    "python": PythonTool,
    "package": PackageTool,
}
_KIND = "Which kind of tool this is, where the name of the entry does not say so."
_VARIABLE = {"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$"}


@cache
def project_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a project file."""
    raw = Project.model_json_schema()
    definitions: dict[str, Any] = raw.pop("$defs")
    definitions["Project"] = raw
    for kind in _CLASSES:
        definition = definitions[kind.__name__]
        definition["description"] = " ".join((kind.__doc__ or "").split())
        definition["additionalProperties"] = False
        sentences = _sentences(kind)
        if "kind" in definition["properties"]:
            sentences["kind"] = _KIND
        for name, text in sentences.items():
            if name in definition["properties"]:
                definition["properties"][name]["description"] = text
        # The file has names as keys.
        for hidden in ("folder", "file") + (("name",) if kind is AgentDefinition else ()):
            definition["properties"].pop(hidden, None)
            if hidden in definition.get("required", ()):
                definition["required"].remove(hidden)
    _allow_short_forms(definitions)
    project = definitions.pop("Project")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:muxi:project-file",
        **_tidied(project),
        "title": "muxi project",
        "$defs": {**_tidied(definitions), "Variable": _VARIABLE},
    }
    return cast("dict[str, Any]", schema)


def _allow_short_forms(definitions: dict[str, Any]) -> None:
    """Say in the schema what the data classes accept beside their own form."""
    properties = definitions["Project"]["properties"]
    for section, kind, short in (
        ("agents", AgentDefinition, "null"),
        ("models", ModelDefinition, "string"),
        ("tools", PythonTool, "string"),
    ):
        (pattern,) = properties[section].pop("patternProperties")
        if section == "tools":
            pattern = f"^(?!(?:{'|'.join(BUILTIN_KINDS)})$){pattern.removeprefix('^')}"
        form = {"anyOf": [{"type": short}, {"$ref": f"#/$defs/{kind.__name__}"}]}
        if section == "tools":
            form["anyOf"] += _kinds_under_other_names()
        properties[section] |= {"patternProperties": {pattern: form}, "additionalProperties": False}
    servers = definitions["McpSettings"]["properties"]["servers"]
    ((pattern, form),) = servers["patternProperties"].items()
    servers["patternProperties"] = {pattern: {"anyOf": [{"type": "string", "minLength": 1}, form]}}
    servers["additionalProperties"] = False
    command = definitions["McpServerSettings"]["properties"]["command"]
    command["anyOf"].append({"type": "string", "minLength": 1})
    recall = definitions["MemorySettings"]["properties"]["recall"]
    recall["anyOf"] = [{"type": "boolean"}, {"$ref": recall.pop("$ref")}]
    properties["tools"]["properties"] = {
        name: {"anyOf": [{"$ref": f"#/$defs/{kind.__name__}"}, {"type": "null"}]}
        for name, kind in BUILTIN_KINDS.items()
    }


def _kinds_under_other_names() -> list[dict[str, Any]]:
    """What an entry of `tools` may be besides: its kind is said then, or it has options only."""
    named = [
        {"$ref": f"#/$defs/{kind.__name__}", "required": ["kind"]}
        for kind in BUILTIN_KINDS.values()
    ]
    return [{"$ref": "#/$defs/PackageTool"}, *named]


def _tidied(value: Any) -> Any:
    """Without pydantic's titles, and with `${NAME}` admitted where a number or a switch goes."""
    if isinstance(value, list):
        return [_tidied(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[str, Any]", value)
    result = {
        key: _tidied(item)
        for key, item in pairs.items()
        if not (key == "title" and isinstance(item, str))
    }
    if result.get("type") in ("integer", "number", "boolean"):
        outer = {key: result.pop(key) for key in ("description", "default") if key in result}
        return {"anyOf": [result, {"$ref": "#/$defs/Variable"}], **outer}
    return result


def _sentences(kind: type[BaseModel]) -> dict[str, str]:
    """The sentence under each field of a data class, read from its source and its parents'."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if issubclass(each, BaseModel) and each.model_fields:
            found |= _own_sentences(each)
    return found


def _own_sentences(kind: type[BaseModel]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = cast("ast.ClassDef", tree.body[0]).body
    found: dict[str, str] = {}
    for field, after in pairwise(body):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[field.target.id] = " ".join(str(after.value.value).split())
    return found


def keys_at(path: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand in the mapping at `path`; empty where any may."""
    schema = project_schema()
    place: dict[str, Any] = schema
    for step in path:
        if path[0] == "tools" and step in _KINDS_OF_TOOLS:
            place = schema["$defs"][_KINDS_OF_TOOLS[step].__name__]
            continue
        place = _resolved(place, schema["$defs"])
        further = place.get("properties", {}).get(step)
        if further is None:
            further = next(iter(place.get("patternProperties", {}).values()), None)
            further = further or place.get("additionalProperties")
        if isinstance(step, int):
            further = place.get("items")
        if not isinstance(further, dict):
            continue
        place = cast("dict[str, Any]", further)
    return list(_resolved(place, schema["$defs"]).get("properties", {}))


def _resolved(place: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A place in the schema behind references and alternatives."""
    if "$ref" in place:
        return _resolved(definitions[place["$ref"].rpartition("/")[2]], definitions)
    for option in (*place.get("anyOf", ()), *place.get("oneOf", ())):
        found = _resolved(option, definitions)
        if "properties" in found:
            return found
    return place


def schema_text() -> str:
    """The schema as the published file has it."""
    return json.dumps(project_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
