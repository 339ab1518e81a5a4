"""What a project says of signing in to a remote MCP server. Data only; `mcp.oauth` acts by it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muxi.config.model_settings import Section
from muxi.config.secret import SecretRef

_HTTPS_DOCUMENT = r"^https://[^/?#]+/[^?#]+$"
_LOOPBACK = r"^http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}/[^?#]*$"


class McpAuthSettings(Section):
    """How muxi signs in to a remote server, where what the server says of it is not enough."""

    grant: Literal["browser", "client"] = "browser"
    """Who grants access: a person with a browser, or the password of the client alone."""
    login: Literal["project", "user"] = "project"
    """Whose login it is: one of the project's for all, or each user's own."""
    client_id: Annotated[str, Field(min_length=1)] | None = None
    """Name under which muxi is registered there; by default it registers itself."""
    client_secret: SecretRef | None = None
    """Password of that client, if it has one."""
    issuer: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """The authorization server that `client_id` belongs to; it is shown to no other."""
    client_metadata_url: Annotated[str, Field(pattern=_HTTPS_DOCUMENT)] | None = None
    """Address of a public document that describes this client and stands for its registration."""
    scopes: list[Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]] = Field(
        default_factory=list[str]
    )
    """What to ask for beside what the server names."""
    redirect_url: Annotated[str, Field(pattern=_LOOPBACK)] | None = None
    """Where the browser comes back to, on this machine; by default a free port is taken."""

    @model_validator(mode="after")
    def _one_identity(self) -> McpAuthSettings:
        if self.client_id is None:
            for name in ("client_secret", "issuer"):
                if getattr(self, name) is not None:
                    words = "`{name}` needs `client_id`"
                    raise PydanticCustomError("incomplete", words, {"name": name})
        elif self.client_metadata_url is not None:
            words = "a client has either `client_id` or `client_metadata_url`"
            raise PydanticCustomError("incomplete", words)
        if self.grant == "client" and None in (self.client_id, self.client_secret, self.issuer):
            words = "`grant: client` needs `client_id`, `client_secret` and `issuer`"
            raise PydanticCustomError("incomplete", words)
        if self.grant == "client" and self.login == "user":
            words = "`login: user` is granted by users, and not by `grant: client`"
            raise PydanticCustomError("incomplete", words)
        return self
