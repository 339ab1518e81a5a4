"""The audit log: what was done, by whom, by what right. Written by `identity.audit`.

An entry names what was done and never holds what was said, remembered or kept secret.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from muxi.core.caller import CredentialKind
from muxi.core.record import Record

Outcome = Literal["done", "refused", "failed"]


class AuditEntry(Record):
    """Something that was done, or refused."""

    id: str
    seq: int | None = None
    """Its place in the chain; None until it is sealed, which is within a second."""
    at: datetime
    actor: str
    """The user whose credential was used; empty for whoever showed none."""
    acting_for: str | None = None
    """The user for whom they acted."""
    credential: CredentialKind
    credential_id: str | None = None
    """The key, session or token, without its secret."""
    action: str
    resource: str | None = None
    outcome: Outcome
    details: dict[str, str] = Field(default_factory=dict)
    """Ids of what was made or changed, and of the request."""
    hash: str | None = None
    """The link: SHA-256 over the link before and this entry; None until it is sealed."""


class AuditHead(Record):
    """Where the chain ends. Kept elsewhere, it shows later whether the log was cut."""

    seq: int
    """Number of the last sealed entry; 0 if there is none."""
    hash: str
    """Its link."""
    seals: int
    """How many seals there are."""
    waiting: int
    """Entries that are not sealed yet."""
    key: str
    """Fingerprint of the key that this process signs with."""


class AuditFinding(Record):
    """Something wrong with a log."""

    seq: int | None = None
    """The entry; None for the log as a whole."""
    problem: str


class AuditReport(Record):
    """What the verifier found."""

    tenant: str
    entries: int
    seals: int
    waiting: int = 0
    """Entries that no seal covers yet; nothing can be said of them."""
    cut: int = 0
    """The number up to which entries were removed by the rule of how long they are kept."""
    first: int = 0
    last: int = 0
    """Numbers of the first and the last entry that were looked at."""
    hash: str = ""
    """The last link."""
    keys: list[str] = Field(default_factory=list)
    """Fingerprints of the keys that signed the seals."""
    findings: list[AuditFinding] = Field(default_factory=list["AuditFinding"])

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings
