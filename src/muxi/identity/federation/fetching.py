"""Documents of identity providers: small JSON, over connections that nobody else can change.

Used by `discovery`, `key_set` and `provider`. It follows no redirect: what an issuer publishes
is at the address that the project or the issuer's own document names.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlsplit

from muxi.core.errors import IdentityProviderUnavailable
from muxi.core.json_shapes import is_object

SECONDS: Final = 10.0
"""Seconds that one answer may take."""
LARGEST: Final = 1_000_000
"""Bytes of the largest answer that is read."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])")


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that was JSON."""

    status: int
    body: dict[str, Any]
    max_age: float | None
    """Seconds for which it may be kept, if it says so."""


async def get(url: str, *, token: str | None = None) -> Document:
    """The document at `url`, which must be there.

    Raises:
        IdentityProviderUnavailable: It is not, cannot be reached, or is no JSON object.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    found = await _exchange("GET", url, headers=headers)
    if found.status != 200:
        raise _unusable(url, f"it answered {found.status}")
    return found


async def post(
    url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None
) -> Document:
    """What is answered to a form, which may be a refusal.

    Args:
        url: Where it goes.
        form: What it says.
        basic: Name and password of the client, as the header of HTTP writes them.

    Raises:
        IdentityProviderUnavailable: It cannot be reached, or what it answers is no JSON object.
    """
    headers: dict[str, str] = {}
    if basic is not None:
        # RFC 6749: both are encoded as in a form before they are put together.
        pair = ":".join(quote_plus(each) for each in basic)
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return await _exchange("POST", url, headers=headers, form=form)


def check_secure(url: str) -> str:
    """`url`, if nobody on the way to it can listen.

    Raises:
        IdentityProviderUnavailable: Somebody can.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise _unusable(url, "it is not reached over HTTPS")
    return url


async def _exchange(
    method: str, url: str, *, headers: Mapping[str, str], form: Mapping[str, str] | None = None
) -> Document:
    import aiohttp

    check_secure(url)
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.request(
                method,
                url,
                data=form,
                headers={"Accept": "application/json", **headers},
                allow_redirects=False,
            ) as response,
        ):
            data = await response.content.read(LARGEST + 1)
            while len(data) <= LARGEST and (more := await response.content.read(LARGEST)):
                data += more
            status = response.status
            cache_control = response.headers.get("Cache-Control", "")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        words = "it did not answer in time" if isinstance(error, TimeoutError) else str(error)
        raise _unusable(url, words or type(error).__name__) from None
    return Document(status, _object(url, data), _max_age(cache_control))


def _object(url: str, data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST:
        raise _unusable(url, f"its answer is larger than {LARGEST} bytes")
    try:
        # A revocation is answered with nothing at all.
        value = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        raise _unusable(url, "its answer is no JSON") from None
    if not is_object(value):
        raise _unusable(url, "its answer is no JSON object")
    return value


def _max_age(header: str) -> float | None:
    found = _MAX_AGE.search(header.lower())
    return None if found is None else float(found[1])


def _unusable(url: str, words: str) -> IdentityProviderUnavailable:
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return IdentityProviderUnavailable(f"{place} cannot be used: {words[:300]}.")
