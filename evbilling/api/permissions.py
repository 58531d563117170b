"""Who may call what. The table of rights is ``users/access.py``; a view only names the right."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from django.core.checks import CheckMessage, Error
from django.urls import URLPattern, URLResolver
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from users import access
from users.access import Action
from users.models import Admin

if TYPE_CHECKING:  # rest_framework.views imports this module
    from rest_framework.views import APIView

Actions = Mapping[str, Action | None]
ANYBODY = None  # as a right: strangers too, said on purpose
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def action_of(view: "APIView", method: str | None) -> Action | None:
    """The right that ``method`` needs; None for what anybody may call or nobody has declared."""
    actions: Actions = getattr(view, "actions", {})
    return actions.get("GET" if method == "HEAD" else method or "")


class ActionAllowed(BasePermission):
    """Refuses strangers (401), then whoever's level lacks the declared right (403)."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        method = "GET" if request.method == "HEAD" else request.method or ""
        actions: Actions = getattr(view, "actions", {})
        if method in actions and actions[method] is ANYBODY:
            return True
        if request.user is None:
            return False
        action = actions.get(method)
        if action is None:
            # An undeclared method with a handler is a programming error; without one it is a 405.
            handled = method.lower() in view.http_method_names and hasattr(view, method.lower())
            return not handled
        access.check(cast(Admin, request.user), action)
        return True


def undeclared() -> Iterator[str]:
    """Views of the API, and their methods, that do not say which right they need."""
    from evbilling.api.urls import urlpatterns

    for path, view in views(urlpatterns):
        declared = getattr(view, "actions", {})
        for method in METHODS:
            if hasattr(view, method.lower()) and method not in declared:
                yield f"{method} {path}"


def views(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, "type[APIView]"]]:
    """(path, view class) of every pattern below."""
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            view: Any = pattern.callback
            yield path, view.cls


def check_views(**kwargs: Any) -> list[CheckMessage]:
    """Start-up check: a path that declares no right is refused, not opened by accident."""
    return [
        Error(
            f"api: {found} declares no action (see evbilling/api/permissions.py)",
            id="evbilling.E003",
        )
        for found in undeclared()
    ]
