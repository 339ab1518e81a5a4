"""Where `muxi up` listens, and under which names it answers: the section `server`.

Read by `project`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from muxi.config.mcp_offer import McpOffer
from muxi.config.model_settings import Section
from muxi.config.rate_settings import RateLimits
from muxi.config.realtime_settings import EventSettings

_NAME: Final = (
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
)
_PLACE: Final = rf"(?:{_NAME}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?"
_ORIGIN: Final = re.compile(rf"https?://{_PLACE}")


def _origin(text: str) -> str:
    if _ORIGIN.fullmatch(text) is None:
        raise PydanticCustomError("origin", "Input should be written `https://NAME[:PORT]`")
    return text.lower()


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        words = "Input should be an address or a network such as `10.0.0.0/8`"
        raise PydanticCustomError("network", words) from None
    return text


Origin = Annotated[str, AfterValidator(_origin)]
"""A scheme, a name and perhaps a port."""
HostName = Annotated[str, Field(pattern=rf"^{_PLACE}$")]
Network = Annotated[str, AfterValidator(_network)]


class TlsSettings(Section):
    """The certificate with which the server speaks HTTPS itself."""

    certificate: Annotated[str, Field(min_length=1)]
    """A PEM file with the certificate and those that vouch for it."""
    key: Annotated[str, Field(min_length=1)]
    """A PEM file with its private key."""


class LogSettings(Section):
    """What `muxi up` writes to standard error."""

    format: Literal["line", "json"] = "line"
    """`line` for people, `json` for machines: one object a line."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    requests: bool = False
    """Whether a line is written for every request: method, path, status, milliseconds."""


class ServerSettings(Section):
    """Where `muxi up` listens, and under which names it answers."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address to listen on; `0.0.0.0` or `::` for all of this machine's."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 5050
    """TCP port; 0 takes a free one."""
    url: Origin | None = None
    """The address under which people reach the server, such as `https://muxi.example.com`."""
    hosts: list[HostName] = Field(default_factory=list[str])
    """Further names under which it answers; it always does under its own addresses."""
    origins: list[Origin] = Field(default_factory=list[str])
    """Web pages of other servers that may call it with keys or tokens, such as
    `https://app.example.com`."""
    proxies: list[Network] = Field(default_factory=list[str])
    """Addresses of the proxies in front of it, whose `X-Forwarded-For` and `X-Forwarded-Proto` are
    believed."""
    tls: TlsSettings | None = None
    """The certificate with which the server speaks HTTPS itself; a proxy may do that instead."""
    rate_limits: RateLimits = Field(default_factory=RateLimits)
    """How often it may be asked, by whom."""
    mcp: McpOffer = Field(default_factory=McpOffer)
    """What MCP clients find at `/mcp` and over `muxi mcp serve`."""
    grace: Annotated[float, Field(ge=0, le=3_600)] = 3.0
    """Seconds that runs have to end by themselves when the server is told to stop."""
    logs: LogSettings = Field(default_factory=LogSettings)
    """What is written of the server's work."""
    events: EventSettings = Field(default_factory=EventSettings)
    """How events reach those who follow them."""
