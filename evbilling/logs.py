"""Logs: one JSON object per line, with the ids of the request, charger and session at hand."""

import contextvars
import logging
from datetime import UTC, datetime
from typing import Any

import orjson

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SECRET_WORDS = ("password", "authorization", "token", "secret", "cookie")


class JsonFormatter(logging.Formatter):
    """What was passed as ``extra`` becomes a key; a key that names a secret never shows its value."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request"] = current
        for key, value in record.__dict__.items():
            if key not in _STANDARD:
                hidden = any(word in key.lower() for word in _SECRET_WORDS)
                line[key] = "***" if hidden else value
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()
