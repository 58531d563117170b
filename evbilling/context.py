"""What every page needs: the signed-in admin's shell."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from evbilling.backoffice.menu import Shell


def shell(request: HttpRequest) -> dict[str, Any]:
    """``shell`` only where the gate has let somebody in; ``page_time`` is the page's own time stamp."""
    found: dict[str, Any] = {"page_time": timezone.now()}
    if hasattr(request, "admin") and hasattr(request, "company"):
        found["shell"] = Shell(request)  # type: ignore[arg-type]
    return found
