"""What a server or the connection to it reports, as errors of muxi. Called by the client only."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import aiohttp
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from muxi.core.errors import AccessDenied, MuxiError, NotFound, ServerUnavailable
from muxi.core.events import Problem
from muxi.core.problems import error_of

LOST = "lost"
LATE = "late"
"""What `details.request` of a `ServerUnavailable` says of the request: the connection broke before
an answer came, or none came in time. Without it the request has certainly not been begun."""

_BY_STATUS: dict[int, type[MuxiError]] = {401: AccessDenied, 403: AccessDenied, 404: NotFound}


class _Report(BaseModel):
    """A problem as RFC 9457 writes it, with muxi's members `code`, `hint` and `details`."""

    model_config = ConfigDict(extra="ignore")

    code: str
    detail: str
    hint: str | None = None
    details: dict[str, JsonValue] = {}


def reported_error(status: int, body: bytes) -> MuxiError:
    """The error behind an answer of status 400 or more."""
    try:
        report = _Report.model_validate_json(body)
    except ValidationError:
        # Not from muxi: a proxy, or another server on that port.
        kind = _BY_STATUS.get(status, ServerUnavailable)
        text = body[:200].decode("utf-8", "replace").strip()
        words = f"The server answered {status}: {text}" if text else f"Status {status}."
        return kind(words, request=LOST)
    return error_of(
        Problem(code=report.code, message=report.detail, hint=report.hint, details=report.details)
    )


@contextmanager
def connection_errors(where: str) -> Generator[None]:
    """Raise `ServerUnavailable` for whatever goes wrong with the connection to `where`."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        raise ServerUnavailable(f"No muxi server answers at {where}.") from error
    except TimeoutError as error:
        raise ServerUnavailable(
            f"The server at {where} did not answer in time.", request=LATE
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ServerUnavailable(
            f"The connection to {where} was cut: {error}.", request=LOST
        ) from error
