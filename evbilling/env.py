"""Reads the environment. Every NAME may be given as NAME_FILE, a file that holds the value."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def env(name: str, default: str | None = None) -> str | None:
    """The value of ``name``, or of the file that ``name_FILE`` points to, or ``default``."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path} ({error})") from error
    value = os.environ.get(name, "").strip()
    return value or default


def env_int(name: str, default: int) -> int:
    value = env(name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from None


def env_bool(name: str, default: bool) -> bool:
    value = env(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}")


def env_together(what: str, *names: str) -> dict[str, str]:
    """All of ``names`` or none of them: half a set-up is refused, and what is missing is said."""
    found = {name: env(name) or "" for name in names}
    missing = [name for name, value in found.items() if not value]
    if missing and len(missing) < len(names):
        given = ", ".join(name for name in names if name not in missing)
        raise ImproperlyConfigured(
            f"{what} is set up by half: {given} is there, {' and '.join(missing)} is missing. "
            "Give all of them (each also as NAME_FILE), or none."
        )
    return found


@dataclass(frozen=True)
class Mail:
    """Where e-mail is handed over. Without a host none is sent."""

    host: str = ""
    port: int = 587
    user: str = ""
    password: str = ""
    start_tls: bool = False
    tls: bool = False
    sender: str = ""


def mail_settings(url: str, sender: str) -> Mail:
    """``EMAIL_URL`` (smtp+tls://user:password@host:587, smtps://…:465, smtp://host:25) and ``EMAIL_FROM``."""
    if not url and not sender:
        return Mail()
    if not url or not sender:
        missing = "EMAIL_FROM" if url else "EMAIL_URL"
        raise ImproperlyConfigured(
            f"E-mail is set up by half: {missing} is missing. Give EMAIL_URL and EMAIL_FROM, or neither."
        )
    parts = urlsplit(url)
    if parts.scheme not in MAIL_PORTS or not parts.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL must read smtp+tls://user:password@host:587, smtps://… or smtp://…"
        )
    return Mail(
        host=parts.hostname,
        port=parts.port or MAIL_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        start_tls=parts.scheme == "smtp+tls",
        tls=parts.scheme == "smtps",
        sender=sender,
    )


def data_dir() -> Path:
    """Where all state of the embedded default lives: DATA_DIR, else var/ (as root /var/lib/evbilling)."""
    if given := env("DATA_DIR"):
        return Path(given).resolve()
    return Path("/var/lib/evbilling") if os.geteuid() == 0 else BASE_DIR / "var"


def running() -> dict[str, Any]:
    """What the supervisor wrote about its servers (``DATA_DIR/run.json``), or nothing."""
    try:
        found = json.loads((data_dir() / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def url_of(name: str) -> str | None:
    """DATABASE_URL or REDIS_URL: from the environment, else of the running embedded server."""
    return env(name) or running().get(name)


def secret_key() -> str:
    """SECRET_KEY, else the one the supervisor made and keeps in ``DATA_DIR/secret_key``."""
    if given := env("SECRET_KEY"):
        return given
    try:
        return (data_dir() / "secret_key").read_text().strip()
    except OSError:
        # Commands that touch no data (linting, collecting messages) run without a secret;
        # checks.py refuses to serve with this one.
        return "insecure-no-secret-key-configured"
