"""``Idempotency-Key``: a request that moves money may be sent again, and moves it once."""

import re

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from evbilling.api.errors import BadQuery

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,100}", re.ASCII)

PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 100 characters of your choice. The same key again gives the same answer.",
)


def key_of(request: Request) -> str:
    """The key; 400 where there is none."""
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        raise BadQuery(
            HEADER,
            _("Send the header Idempotency-Key: 1 to 100 characters without spaces."),
            "idempotency_key_required",
        )
    return key
