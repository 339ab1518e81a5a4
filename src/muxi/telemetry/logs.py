"""Structured logs on stderr, without secrets. Set up once by a program (`muxi up`, the CLI).

A library user's logging is left alone: nothing here runs on import.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import IO, Any

from muxi.telemetry.context import REQUEST_ID
from muxi.telemetry.redaction import SECRETS, Redactor

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`, and the request that the work is done for."""
    given = {key: value for key, value in record.__dict__.items() if key not in _PLAIN}
    request_id = REQUEST_ID.get()
    return given if request_id is None else {**given, "request_id": request_id}


class LineFormatter(logging.Formatter):
    """One line for people: time, level, message, `key=value` for what was given as `extra`."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        text = f"{moment:%H:%M:%S} {record.levelname.lower():7} {record.getMessage()}"
        for key, value in _fields(record).items():
            text += f" {key}={value}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return self._redactor.redact(text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return self._redactor.redact(json.dumps(entry, default=str, ensure_ascii=False))


def set_up_logs(
    level: int | str = logging.INFO,
    *,
    as_json: bool = False,
    stream: IO[str] | None = None,
    redactor: Redactor = SECRETS,
) -> logging.Handler:
    """Send the logs of muxi and of its server library to `stream` (stderr); returns the handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(redactor) if as_json else LineFormatter(redactor))
    for name in ("muxi", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False
    # It reports every start and stop, which are muxi's own to tell, and at the level of warnings
    # every malformed request, with which anybody on this machine could fill the log.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    return handler
