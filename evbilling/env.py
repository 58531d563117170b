"""Reads the environment. Every NAME may be given as NAME_FILE, a file that holds the value."""

import json
import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


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
