"""What a project says of the built-in tools that speak to a service. Data only.

Joined to the others by `tool_settings`; the makers lie in `tools.builtin`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from muxi.config.model_settings import Seconds, Section
from muxi.config.secret import PERSONAL, SecretRef
from muxi.config.tool_kind import ToolKind, ZoneName

_Text = Annotated[int, Field(ge=1_000, le=10_000_000)]
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class DocumentsTool(ToolKind):
    """The built-in reader of documents: PDF, Word, PowerPoint, Excel, HTML, text and more."""

    functions: ClassVar[tuple[str, ...]] = ("read_document",)
    kind: Literal["documents"] = "documents"
    root: Annotated[str, StringConstraints(min_length=1)] = "workspace"
    """The folder that files are read from, from the project's own; nothing outside of it is."""
    web: bool = True
    """Whether documents of the web may be read too."""
    allow_hosts: list[str] = Field(default_factory=list[str])
    """Hosts of a private network that may be read: `host`, `host:port` or `*.domain`."""
    timeout: Seconds = 120.0
    """Seconds that one document may take."""
    max_bytes: Annotated[int, Field(ge=1_000, le=1_000_000_000)] = 50_000_000
    """Largest document that is read."""
    max_text: _Text = 40_000
    """Longest text in UTF-8 bytes that is given to the model."""


class ImagesTool(ToolKind):
    """The built-in tools for pictures: models make and change them, and look at them."""

    making: ClassVar[tuple[str, ...]] = ("make_image", "change_image")
    functions: ClassVar[tuple[str, ...]] = (*making, "look_at_image")
    kind: Literal["images"] = "images"
    model: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Who makes pictures: `provider/model` or a name of `models`; null: nobody does."""
    price: Annotated[Decimal, Field(ge=0)] | None = None
    """US dollars for one picture; agents with a limit of cost make none unless it is known."""
    seeing: Annotated[str, StringConstraints(min_length=1)] | None = None
    """The model that looks at pictures; by default the project's."""
    root: Annotated[str, StringConstraints(min_length=1)] = "workspace"
    """The folder that pictures are read from, from the project's own; nothing outside of it is."""
    web: bool = True
    """Whether pictures of the web may be read too."""
    allow_hosts: list[str] = Field(default_factory=list[str])
    """Hosts of a private network that may be read: `host`, `host:port` or `*.domain`."""
    approval: bool = False
    """Whether a person must agree before a picture is made."""
    timeout: Seconds = 180.0
    """Seconds that one call may take."""
    max_bytes: Annotated[int, Field(ge=1_000, le=100_000_000)] = 20_000_000
    """Largest picture that is read."""

    def offered(self) -> tuple[str, ...]:
        """The functions that these options allow."""
        return self.functions if self.model else ("look_at_image",)


class AudioTool(ToolKind):
    """The built-in tools for recordings and speech, with the models of the section `media`."""

    functions: ClassVar[tuple[str, ...]] = ("transcribe_audio", "speak")
    kind: Literal["audio"] = "audio"
    root: Annotated[str, StringConstraints(min_length=1)] = "workspace"
    """The folder that recordings are read from, from the project's own, and nothing outside."""
    web: bool = True
    """Whether recordings of the web may be heard too."""
    allow_hosts: list[str] = Field(default_factory=list[str])
    """Hosts of a private network that may be read: `host`, `host:port` or `*.domain`."""
    timeout: Seconds = 600.0
    """Seconds that one call may take."""
    max_bytes: Annotated[int, Field(ge=1_000, le=100_000_000)] = 25_000_000
    """Largest recording that is heard."""
    max_text: _Text = 40_000
    """Longest transcript in UTF-8 bytes that is given to the model."""


class ApiSettings(Section):
    """One service that an OpenAPI document describes."""

    document: Annotated[str, StringConstraints(min_length=1)]
    """The document, OpenAPI 3 in JSON or YAML, from the project's folder."""
    url: Annotated[str, Field(pattern=r"^https?://[^/\s@?#]+(/[^\s?#]*)?$")] | None = None
    """Address of the service; by default what the document says, if that is no private one."""
    key: SecretRef | None = None
    """Its key, which goes where the document says."""
    tags: list[str] = Field(default_factory=list[str])
    """Only operations with one of these tags; all of them if empty."""
    operations: list[str] = Field(default_factory=list[str])
    """Operations by their `operationId`, beside those of `tags`."""


class OpenapiTool(ToolKind):
    """The built-in tools for services that OpenAPI documents describe."""

    reading: ClassVar[tuple[str, ...]] = ("list_operations", "describe_operation", "read_api")
    functions: ClassVar[tuple[str, ...]] = (*reading, "change_api")
    kind: Literal["openapi"] = "openapi"
    apis: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")], ApiSettings
        ],
        Field(min_length=1),
    ]
    """The services by name."""
    write: bool = False
    """Whether operations may be called that change something."""
    approval: bool = True
    """Whether a person must agree before that."""
    timeout: Seconds = 30.0
    """Seconds that one call may take."""
    max_bytes: Annotated[int, Field(ge=1_000, le=100_000_000)] = 5_000_000
    """Most bytes of an answer that are read."""
    max_text: _Text = 40_000
    """Longest text in UTF-8 bytes that is given to the model."""

    def offered(self) -> tuple[str, ...]:
        """The functions that these options allow."""
        return self.functions if self.write else self.reading


class MailServer(Section):
    """One server of a mailbox."""

    host: Annotated[str, StringConstraints(min_length=1, pattern=r"^\S+$")]
    """Its name."""
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """Its port; by default the usual one of the protocol and of `security`."""
    security: Literal["tls", "starttls", "none"] = "tls"
    """How the connection is encrypted; `none` is for servers on this machine only."""
    user: str | None = None
    """Who logs in; by default `address`."""
    password: SecretRef | None = None
    """The password, or one that the provider makes for programs; none to send without a login."""

    @model_validator(mode="after")
    def _not_in_the_open(self) -> MailServer:
        if self.security == "none" and self.host not in _LOOPBACK:
            raise PydanticCustomError(
                "unencrypted", "`security: none` is for localhost only; use tls or starttls"
            )
        return self


def _address(value: str) -> str:
    from email.errors import MessageError
    from email.headerregistry import Address

    if (own := PERSONAL.fullmatch(value)) and own[1]:
        return value  # each user's own
    try:
        found = Address(addr_spec=value)
    except (MessageError, ValueError, IndexError):
        found = None
    if found is None or not found.domain:
        raise PydanticCustomError("address", "Input should be an address such as ana@example.org")
    return value


class EmailTool(ToolKind):
    """The built-in tools for one mailbox: it is read by IMAP and sends by SMTP."""

    reading: ClassVar[tuple[str, ...]] = ("list_mail_folders", "list_emails", "read_email")
    functions: ClassVar[tuple[str, ...]] = (*reading, "mark_email", "send_email")
    kind: Literal["email"] = "email"
    address: Annotated[str, AfterValidator(_address)]
    """The mailbox's own address, from which it sends."""
    sender_name: str | None = None
    """The name that receivers see beside the address."""
    imap: MailServer | None = None
    """Where mail is read; without it none can be."""
    smtp: MailServer | None = None
    """Where mail is sent; without it none can be."""
    write: bool = False
    """Whether mail may be marked as read or as important."""
    send_to: list[str] = Field(default_factory=lambda: ["*"])
    """Who may be written to: addresses, in which `*` stands for any characters."""
    approval: bool = True
    """Whether a person must agree before a mail is sent."""
    timeout: Seconds = 30.0
    """Seconds that one exchange with a server may take."""
    max_text: _Text = 40_000
    """Longest text in UTF-8 bytes that is given to the model."""

    @model_validator(mode="after")
    def _some_server(self) -> EmailTool:
        if self.imap is None and self.smtp is None:
            raise PydanticCustomError("incomplete", "email needs `imap`, `smtp`, or both")
        return self

    def offered(self) -> tuple[str, ...]:
        """The functions that these options allow."""
        reading = self.reading if self.imap else ()
        marking = ("mark_email",) if self.imap and self.write else ()
        return (*reading, *marking, *(("send_email",) if self.smtp else ()))


class CalendarTool(ToolKind):
    """The built-in tools for the calendars of one CalDAV account."""

    reading: ClassVar[tuple[str, ...]] = ("list_calendars", "list_events")
    functions: ClassVar[tuple[str, ...]] = (*reading, "add_event", "change_event", "delete_event")
    kind: Literal["calendar"] = "calendar"
    url: Annotated[str, Field(pattern=r"^https?://[^/\s@]+(/\S*)?$")]
    """Address of the server, of the account or of one calendar."""
    user: str | None = None
    """Who logs in."""
    password: SecretRef | None = None
    """The password, or one that the provider makes for programs."""
    zone: ZoneName | None = None
    """IANA name of the zone that times without one are in; by default the machine's own."""
    write: bool = False
    """Whether events may be added, changed and deleted."""
    approval: bool = True
    """Whether a person must agree before that."""
    timeout: Seconds = 30.0
    """Seconds that one exchange with the server may take."""
    max_text: _Text = 40_000
    """Longest text in UTF-8 bytes that is given to the model."""

    @model_validator(mode="after")
    def _not_in_the_open(self) -> CalendarTool:
        from urllib.parse import urlsplit

        parts = urlsplit(self.url)
        if self.password and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise PydanticCustomError(
                "unencrypted", "a password is sent by http to localhost only; use https"
            )
        return self

    def offered(self) -> tuple[str, ...]:
        """The functions that these options allow."""
        return self.functions if self.write else self.reading
