"""Takes secrets out of text that leaves the process: logs, errors, diagnostics.

Called by the log setup and by whoever learns a secret (`learn`). It must never keep a secret in a
form that is printed, and never be the only reason why a secret does not appear.
"""

from __future__ import annotations

import re
from collections import OrderedDict

MASK = "[secret]"
_SHORTEST = 6
_MOST_PASSING = 1_000
# Shapes of keys that nobody announced: authorization headers, provider keys, key=value pairs.
_SHAPES = re.compile(
    r"(?i)(?P<head>\bbearer\s+|\b(?:api[-_]?key|token|password|secret)[\"']?\s*[=:]\s*[\"']?)"
    r"(?P<value>[^\s\"',;&]{6,})"
    r"|\b(?:sk-|pk-|gsk_|xai-|ghp_|AIza)[A-Za-z0-9_-]{16,}"
    r"|\bmuxi_(?:key|session|link)_[a-z0-9-]+_[0-9a-f]+_[0-9a-f]+"
)


class Redactor:
    """Replaces the secrets that it knows, and what looks like one, by a mask."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, bool] = OrderedDict()
        """Secrets, each with whether it stays known."""
        self._passing = 0
        self._pattern: re.Pattern[str] | None = None

    def __repr__(self) -> str:
        return f"Redactor({len(self._known)} secrets)"

    def learn(self, secret: str, *, passing: bool = False) -> None:
        """Mask `secret` from now on. Values under six characters are too common to mask.

        Args:
            secret: The value.
            passing: Whether it is one of very many, such as a user's own: of these the ones that
                were used last are masked, so that texts can be looked through in bounded time.
        """
        if len(secret) < _SHORTEST:
            return
        if secret in self._known:
            self._known.move_to_end(secret)
            return
        self._known[secret] = not passing
        self._pattern = None
        self._passing += passing
        if self._passing > _MOST_PASSING:
            self._passing -= 1
            del self._known[next(value for value, stays in self._known.items() if not stays)]

    def redact(self, text: str) -> str:
        """`text` without secrets."""
        if self._known:
            text = self._compiled().sub(MASK, text)
        return _SHAPES.sub(lambda match: (match["head"] or "") + MASK, text)

    def _compiled(self) -> re.Pattern[str]:
        if self._pattern is None:
            # The longest first, so that a secret that contains another is masked as a whole.
            ordered = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(value) for value in ordered))
        return self._pattern


SECRETS = Redactor()
"""The secrets of this process: logs pass through it."""
