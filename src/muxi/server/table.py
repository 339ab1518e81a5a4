"""All resources of the API: what is served and described. Read by `serve` and by the docs."""

from __future__ import annotations

from functools import cache

from muxi.server.operations import AnyOperation
from muxi.server.router import Resource

# The most frequent first: the router tries them in this order.
RESOURCES: tuple[Resource, ...] = (
    Resource("runs", ("/api/runs", "/api/approvals"), eager=True),
    Resource("threads", ("/api/threads", "/api/blobs"), eager=True),
    Resource("openai.chat", ("/v1/chat",)),
    Resource("openai.responses", ("/v1/responses",)),
    Resource("openai.compacting", ("/v1/responses",)),
    Resource("openai.conversations", ("/v1/conversations",)),
    Resource("openai.models", ("/v1/models",)),
    Resource("openai.files", ("/v1/files",)),
    Resource("openai.audio", ("/v1/audio",)),
    Resource("memories", ("/api/memories",)),
    Resource("facts", ("/api/facts",)),
    Resource("forgetting", ("/api/memories", "/api/facts")),
    Resource("messages", ("/api/threads", "/api/messages")),
    Resource("events", ("/api/events",)),
    Resource("agents", ("/api/agents",)),
    Resource(
        "project",
        ("/api/status", "/api/models", "/api/kept-files", "/api/reload", "/healthz", "/readyz"),
        eager=True,
    ),
    Resource("knowledge", ("/api/knowledge",)),
    Resource("files", ("/api/files",)),
    Resource("voice", ("/api/transcriptions", "/api/speech")),
    Resource("tools", ("/api/tools", "/api/tool-checks")),
    Resource("mcp_servers", ("/api/mcp",)),
    Resource("mcp_trust", ("/api/mcp",)),
    Resource("secrets", ("/api/secrets",)),
    Resource("budgets", ("/api/budgets", "/api/balances", "/api/usage")),
    Resource("credentials", ("/api/credentials",)),
    Resource("sign_in", ("/login", "/api/logout", "/api/login-links", "/api/me")),
    Resource("federation", ("/login", "/logout", "/api/users")),
    Resource("mcp.protected", ("/.well-known",)),
    Resource("agui.door", ("/agui",)),
    Resource("aisdk.door", ("/api/chat",)),
    Resource("socket_tickets", ("/api/socket-tickets", "/ws")),
    Resource("accounts", ("/api/users", "/api/me")),
    Resource("groups", ("/api/groups",)),
    Resource("keys", ("/api/keys",)),
    Resource("tenants", ("/api/tenants",)),
    Resource("rules", ("/api/can", "/api/actions", "/api/roles", "/api/policies")),
    Resource("audit", ("/api/audit",)),
    Resource("description", ("/openapi.json",)),
)


@cache
def all_operations() -> tuple[AnyOperation, ...]:
    """Every operation that there is, which loads them all."""
    return tuple(each for resource in RESOURCES for each in resource.operations())
