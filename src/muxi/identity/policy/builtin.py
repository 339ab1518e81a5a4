"""The roles that every project has. Joined by those of its file and of its database."""

from __future__ import annotations

from typing import Final

from muxi.core.policies import Role

_OWN = (
    "memories.read:user:*",
    "memories.write:user:*",
    "memories.delete:user:*",
    "facts.read:user:*",
    "facts.write:user:*",
    "facts.delete:user:*",
)
"""Memory of one's own: a user never sees that of another, whatever is allowed."""

_LOOK = (
    "account.read",
    "account.write",
    "project.read",
    "agents.read",
    "models.read",
    "tools.read",
    "mcp.read",
)

BUILTIN_ROLES: Final = {
    role.name: role
    for role in (
        Role(
            name="admin",
            description="May do everything.",
            allow=["*"],
            source="builtin",
        ),
        Role(
            name="member",
            description="Uses agents and tools; has threads, runs and memories of their own.",
            allow=[
                *_LOOK,
                "agents.use",
                "threads.*",
                "runs.*",
                "approvals.*",
                "tools.use",
                *_OWN,
                "memories.read",
                "facts.read",
                "knowledge.read",
                "knowledge.write",
                "knowledge.delete",
                "files.*",
                "transcriptions.use",
                "speech.use",
                "mcp.serve",
                "mcp.use",
                "mcp.login",
                "credentials.read",
                "credentials.write",
                "keys.read",
                "keys.write",
                "budgets.read",
                "usage.read",
            ],
            source="builtin",
        ),
        Role(
            name="viewer",
            description="Reads what is their own, and starts nothing.",
            allow=[
                *_LOOK,
                "threads.read",
                "runs.read",
                "approvals.read",
                "memories.read",
                "facts.read",
                "knowledge.read",
                "budgets.read",
                "usage.read",
            ],
            source="builtin",
        ),
        Role(
            name="auditor",
            description="Reads the audit log, usage and rules, and no contents.",
            allow=[
                "project.read",
                "account.read",
                "account.write",
                "audit.read",
                "usage.read",
                "usage.read_all",
                "budgets.read",
                "users.read",
                "groups.read",
                "keys.read",
                "roles.read",
                "policies.read",
            ],
            source="builtin",
        ),
    )
}
