"""Who looks at the page: a phone by its cookie, how often it may ask, and its name in the record."""

import logging
import re
import secrets
import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from redis import RedisError

from core.audit import Actor
from core.errors import DomainError
from evbilling.middleware import client_address
from stations.models import Connector, Visit

log = logging.getLogger(__name__)
COOKIE = "visitor"
COOKIE_AGE = 60 * 60 * 24 * 180
_VISITOR = re.compile(r"[A-Za-z0-9_-]{43}\Z")
MINUTE = 60
# In a minute: what one phone may do at one plug, and all phones of one address there (a mall's
# phones share one), what it may read, and how many codes that do not exist an address may try.
ACTS, ACTS_PER_ADDRESS, READS, UNKNOWN_CODES = 12, 40, 90, 20
LOGINS = 30  # to LINE, from one address
PAPERS = 40


class TooOften(DomainError):
    """Nothing was done; nothing of the charge changes."""

    code = "too_often"
    status = 429
    message = _("That was a little fast. Wait a minute, then try again. A running charge goes on.")


def visitor_of(request: HttpRequest) -> str:
    """This phone's random name; a new one where it has none (``remember`` gives it to the phone)."""
    known = request.COOKIES.get(COOKIE, "")
    return known if _VISITOR.match(known) else secrets.token_urlsafe(32)


def remember(response: HttpResponseBase, visitor: str) -> None:
    """Renew the phone's cookie."""
    response.set_cookie(
        COOKIE,
        visitor,
        max_age=COOKIE_AGE,
        path="/c/",
        httponly=True,
        samesite="Lax",
        secure=settings.HTTPS,
    )


def actor(request: HttpRequest, visitor: str, visit: Visit | None) -> Actor:
    """Who to name in the record: the member whose card was tapped, else the phone."""
    address = client_address(request)
    customer = visit.card.customer if visit and visit.card else None
    if customer is not None:
        return Actor("customer", str(customer.pk), customer.name, address)
    return Actor("visitor", visitor[:12], "", address)  # a part: the whole would open the page


def limit_acts(request: HttpRequest, connector: Connector, visitor: str) -> None:
    """Refuse a phone that posts too fast."""
    count(f"act:{connector.pk}:{visitor}", ACTS)
    count(f"acts:{connector.pk}:{client_address(request)}", ACTS_PER_ADDRESS)


def limit_reads(connector: Connector, visitor: str) -> None:
    count(f"read:{connector.pk}:{visitor}", READS)


def limit_logins(request: HttpRequest) -> None:
    """Refuse an address that goes to LINE again and again."""
    count(f"line:{client_address(request)}", LOGINS)


def limit_unknown(request: HttpRequest) -> None:
    """Refuse an address that tries out codes."""
    count(f"code:{client_address(request)}", UNKNOWN_CODES)


def limit_refund(request: HttpRequest, refund_id: int) -> None:
    """Refuse an address that posts numbers too fast."""
    count(f"refund:{refund_id}:{client_address(request)}", ACTS)


def limit_papers(request: HttpRequest) -> None:
    """Refuse an address that has papers printed without end: each costs a good part of a second."""
    count(f"paper:{client_address(request)}", PAPERS)


def count(key: str, most: int) -> None:
    """Count one more in this minute. Without Redis nobody is refused: a charge is worth more."""
    key = f"customer:{key}:{int(time.time() // MINUTE)}"
    try:
        cache.add(key, 0, MINUTE)
        used = cache.incr(key)
    except (RedisError, ValueError) as error:  # ValueError: it expired between the two
        log.warning("rate not counted", extra={"why": str(error)[:200]})
        return
    if used > most:
        raise TooOften
