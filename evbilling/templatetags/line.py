"""What a page says about LINE: linked or not, and how the last try went."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from stations.models import Session
from users import line_login
from users.models import Customer, LineLink

register = template.Library()

# How the way to LINE and back went (``?line=``): the note's look, and the sentence.
WENT: dict[str, tuple[str, str | Promise]] = {
    "done": ("ok", _("LINE is linked. The messages come there.")),
    "add": ("wait", _("Almost done: add our account as a friend, or LINE lets us send nothing.")),
    "off": ("ok", _("LINE is unlinked. No more messages go there.")),
    "no": ("wait", _("You did not allow it, so nothing was linked.")),
    "failed": ("bad", _("LINE did not say who you are. Nothing was linked. Try again.")),
    "away": ("bad", _("LINE does not answer now. Nothing was linked. Try again in a minute.")),
    "many": ("wait", _("Several people already get messages about this charge.")),
}


@dataclass(frozen=True, slots=True)
class LineState:
    """``on``: LINE is set up here. ``went``: the note about the last try, or None."""

    on: bool
    url: str = ""
    link: LineLink | None = None
    went: tuple[str, str | Promise] | None = None
    asked: bool = False
    add_friend: str = ""


@register.simple_tag(takes_context=True)
def line_of_member(context: template.Context, member: Customer) -> LineState:
    """For ``member/_line.html``."""
    link = LineLink.objects.filter(customer=member).first()
    start = reverse("me-line-start", args=[member.company.slug])
    return _state(context, start, link)


@register.simple_tag(takes_context=True)
def line_of_receipt(context: template.Context, session: Session, token: str) -> LineState:
    """For ``customer/_line_guest.html`` on a receipt. A member whose account is linked needs no button."""
    start = reverse("line-receipt", args=[session.connector.code, token])
    customer = session.customer
    link = LineLink.objects.filter(customer=customer).first() if customer else None
    return _state(context, start, link)


@register.simple_tag(takes_context=True)
def line_of_purchase(context: template.Context, purchase: Any) -> LineState:
    """For ``customer/_line_guest.html`` while somebody pays or charges."""
    return _state(context, reverse("line-purchase", args=[purchase.token]), None)


def _state(context: template.Context, start: str, link: LineLink | None) -> LineState:
    request: HttpRequest = context["request"]
    word = request.GET.get("line", "")
    name = settings.LINE_BOT_BASIC_ID
    waiting = word == "add" or (link is not None and not link.friend)
    return LineState(
        on=line_login.is_on(),
        url=start,
        link=link,
        went=WENT.get(word),
        asked=word in ("done", "add"),
        add_friend=f"https://line.me/R/ti/p/{name}" if name and waiting else "",
    )
