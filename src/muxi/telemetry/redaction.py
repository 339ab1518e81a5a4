"""Takes secrets out of text that leaves the process: logs, errors, diagnostics.

Called by the log setup and by whoever learns a secret (`learn`). It must never keep a secret in a
form that is printed, and never be the only reason why a secret does not appear.
"""

from __future__ import annotations

import re

MASK = "[secret]"
_SHORTEST = 6
# Shapes of keys that nobody announced: authorization headers, provider keys, key=value pairs.
_SHAPES = re.compile(
    r"(?i)(?P<head>\bbearer\s+|\b(?:api[-_]?key|token|password|secret)[\"']?\s*[=:]\s*[\"']?)"
    r"(?P<value>[^\s\"',;&]{6,})"
    r"|\b(?:sk-|pk-|gsk_|xai-|ghp_|AIza)[A-Za-z0-9_-]{16,}"
)


class Redactor:
    """Replaces the secrets that it knows, and what looks like one, by a mask."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def __repr__(self) -> str:
        return f"Redactor({len(self._known)} secrets)"

    def learn(self, secret: str) -> None:
        """Mask `secret` from now on. Values under six characters are too common to mask."""
        if len(secret) < _SHORTEST or secret in self._known:
            return
        self._known.add(secret)
        # The longest first, so that a secret that contains another is masked as a whole.
        ordered = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(value) for value in ordered))

    def redact(self, text: str) -> str:
        """`text` without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        return _SHAPES.sub(lambda match: (match["head"] or "") + MASK, text)


SECRETS = Redactor()
"""The secrets of this process: logs pass through it."""
