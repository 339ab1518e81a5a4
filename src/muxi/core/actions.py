"""Everything that may be allowed or refused, by name. Read by doors, roles, policies and keys.

A door asks for one of these actions before it does anything; what is not in this table cannot be
asked for, so a route without a policy cannot be written. It must never say who may do what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a caller may be allowed to do."""

    name: str
    """The noun and what is done to it, such as `runs.start`."""
    words: str
    """What it lets somebody do, in words that follow "may"."""
    upon: str = ""
    """What its resource names, such as an agent; empty if it has none."""
    everywhere: bool = False
    """Whether it concerns all tenants of the project, so that only its own one may do it."""

    @property
    def changes(self) -> bool:
        """Whether it leaves anything behind, so that it is entered in the audit log."""
        return self.name.rpartition(".")[2] not in _LEAVES_NOTHING


_LEAVES_NOTHING = ("read", "use", "act_for", "serve", "check")
_AGENT = "an agent"
_BUDGET = "a budget"
_OWNER = "whose memory: `user:ID`, `agent:NAME`, `team:NAME` or `tenant`"
_SERVER = "an MCP server"
_TOOL = "a tool"
_USER = "a user"

_TABLE = (
    Action("project.reload", "take up a changed project file", everywhere=True),
    Action("project.read", "see the project, its state and the description of its API"),
    Action("agents.read", "see agents", _AGENT),
    Action("agents.use", "let an agent work", _AGENT),
    Action("agents.write", "make and change agents", _AGENT, everywhere=True),
    Action("models.read", "see models"),
    Action("threads.read", "read threads, their messages and events"),
    Action("threads.write", "begin and change threads"),
    Action("threads.delete", "delete threads"),
    Action("runs.read", "see runs and follow their events"),
    Action("runs.start", "say something to agents"),
    Action("runs.cancel", "stop runs"),
    Action("approvals.read", "see the questions that runs put to people"),
    Action("approvals.resolve", "answer the questions that runs put to people"),
    Action("tools.read", "see tools", _TOOL),
    Action("tools.use", "have tools called in runs", _TOOL),
    Action("tools.check", "record the versions of tools", everywhere=True),
    Action("memories.read", "see memories, and have them recalled in runs", _OWNER),
    Action("memories.write", "put down memories, and have runs remembered", _OWNER),
    Action("memories.delete", "forget memories", _OWNER),
    Action("memories.retain", "apply the rules of how long memories are kept", everywhere=True),
    Action("facts.read", "see facts, and have them told to runs", _OWNER),
    Action("facts.write", "put down and change facts", _OWNER),
    Action("facts.delete", "forget facts", _OWNER),
    Action("knowledge.read", "see and search documents"),
    Action("knowledge.write", "add documents"),
    Action("knowledge.delete", "remove documents"),
    Action("knowledge.add_files", "add documents by their path on the server", everywhere=True),
    Action("files.read", "see and fetch their own files"),
    Action("files.write", "send and delete files"),
    Action("transcriptions.use", "have recordings written down"),
    Action("speech.use", "have texts read aloud"),
    Action("mcp.serve", "speak MCP with this server"),
    Action("mcp.read", "see MCP servers and what was approved of them", _SERVER),
    Action("mcp.use", "read what MCP servers offer", _SERVER),
    Action(
        "mcp.write", "restart MCP servers, and approve what they offer", _SERVER, everywhere=True
    ),
    Action("mcp.login", "sign in at MCP servers", _SERVER, everywhere=True),
    Action("mcp.logs", "read what MCP servers log", _SERVER, everywhere=True),
    Action("secrets.read", "see the names of secrets", everywhere=True),
    Action("secrets.write", "set and remove secrets", everywhere=True),
    Action("secrets.rotate", "change the key that secrets are sealed with"),
    Action("credentials.read", "see which credentials of their own are set"),
    Action("credentials.write", "set and remove credentials of their own"),
    Action("users.read", "see users and service accounts", _USER),
    Action("users.write", "make, change and remove users and service accounts", _USER),
    Action("users.act_for", "act on behalf of other users", _USER),
    Action("users.login_link", "make links that sign somebody in"),
    Action("groups.read", "see groups"),
    Action("groups.write", "make, change and remove groups"),
    Action("keys.read", "see API keys"),
    Action("keys.write", "make, rotate and revoke API keys"),
    Action("tenants.read", "see tenants", everywhere=True),
    Action("tenants.write", "make and remove tenants", everywhere=True),
    Action("tenants.act_for", "act in other tenants", everywhere=True),
    Action("account.read", "see where they themselves are signed in"),
    Action("account.write", "change their own password, and sign themselves out elsewhere"),
    Action("roles.assign", "give roles to users and groups"),
    Action("roles.read", "see roles"),
    Action("roles.write", "make, change and remove roles"),
    Action("policies.read", "see policies"),
    Action("policies.write", "make, change and remove policies"),
    Action("budgets.read", "see budgets", _BUDGET),
    Action("budgets.write", "set budgets", _BUDGET),
    Action("usage.read", "see what they have consumed"),
    Action("usage.read_all", "see what everybody has consumed, and what is left of every budget"),
    Action("audit.read", "read and export the audit log"),
)

ACTIONS: Final = {action.name: action for action in _TABLE}
"""All actions by name."""


def checked(name: str) -> str:
    """`name` as it is.

    Raises:
        ValueError: It is no action, which is a mistake in muxi.
    """
    if name not in ACTIONS:
        raise ValueError(f"{name!r} is no action: put it into muxi.core.actions")
    return name
