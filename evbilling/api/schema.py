"""``schema/`` and ``docs/``: what this API is, for programs and for people. Open to anybody.

The description holds no data and no secret, and tools fetch it before they have a token.
"""

from functools import cache
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import Resolver404, resolve
from django.utils import translation
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api.base import Endpoint
from evbilling.api.errors import MissingNow
from evbilling.api.permissions import ANYBODY
from users.access import Action


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How ``users.tokens.TokenAuthentication`` is described."""

    target_class = "users.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token <key>`; make one with POST tokens/ or manage.py create_token.",
        }


class Schema(SpectacularAPIView):
    """OpenAPI 3.1: JSON, or YAML by Accept or ``?format=yaml``."""

    actions: ClassVar = {"GET": ANYBODY}
    renderer_classes = [
        OpenApiJsonRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer,
        OpenApiYamlRenderer2,
    ]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(_described())


@cache
def _described() -> Any:
    """Made once: strangers may ask, and making it costs half a second. In English, whoever asks."""
    with translation.override("en"):
        generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
        return generator.get_schema(request=None, public=True)


class Docs(SpectacularSwaggerSplitView):
    """The description as a page. Its script is a file of its own: no inline script (CSP)."""

    actions: ClassVar = {"GET": ANYBODY}
    url_name = "api-schema"
    template_name = "api/docs.html"


@extend_schema(exclude=True)
class Nowhere(Endpoint):
    """Any other address below /api/v1/: one without its last slash is sent on, the rest is 404."""

    actions: ClassVar = dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), Action.VIEW)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.path.endswith("/") and _is_somewhere(f"{request.path}/"):
            query = request.META.get("QUERY_STRING", "")
            there = f"{request.path}/?{query}" if query else f"{request.path}/"
            return HttpResponsePermanentRedirect(there, preserve_request=True)
        return super().dispatch(request, *args, **kwargs)

    def _nowhere(self, request: Request, **kwargs: Any) -> Response:
        raise MissingNow

    get = post = put = patch = delete = _nowhere


def _is_somewhere(path: str) -> bool:
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return False
    return getattr(view, "cls", None) is not Nowhere
