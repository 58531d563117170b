"""What only the customer's page needs: icons drawn in place, and links that keep the page."""

from datetime import timedelta
from decimal import Decimal

from django import template
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.safestring import SafeString

from evbilling.customer import drawing
from evbilling.states import State
from evbilling.templatetags.ui import LOCAL

register = template.Library()


@register.simple_tag
def sign(name: str, css: str = "") -> SafeString:
    """An icon of the product's sheet, inline."""
    return drawing.sign(name, css)


@register.simple_tag
def state_sign(state: State) -> SafeString:
    return drawing.sign(state.icon)


@register.simple_tag(takes_context=True)
def in_language(context: template.Context, code: str) -> str:
    """This page in another language. The answer to a POST has no address of its own: its page has."""
    request: HttpRequest = context["request"]
    here = request.method == "GET" and not context.get("part")
    query = request.GET.copy() if here else QueryDict(mutable=True)
    query["lang"] = code
    return f"{request.path if here else context['home']}?{query.urlencode()}"


@register.filter
def top_kw(watts: int) -> str:
    """A plug's power as its sticker says it: 7.4, 22."""
    return f"{watts / 1000:.1f}".removesuffix(".0")


@register.filter
def amount(satang: int) -> str:
    """Money in a column of its own: the sign stands with the total."""
    return f"{Decimal(satang).scaleb(-2):,.2f}"


@register.filter
def signed(satang: int) -> str:
    """+500.00 or −161.20, with a real minus sign."""
    sign_of = "−" if satang < 0 else "+" if satang else ""
    return f"{sign_of}{amount(abs(satang))}"


@register.filter
def in_baht(amount_in_baht: int) -> str:
    """฿1,000: a round sum to choose."""
    return f"฿{amount_in_baht:,}"


@register.filter
def whole_baht(satang: int) -> str:
    """150, or 150.50 where it has satang: as a form takes it."""
    return f"{Decimal(satang).scaleb(-2):.2f}".removesuffix(".00")


@register.simple_tag
def zone() -> int:
    """Seconds that the station's wall is ahead of UTC."""
    return int((timezone.now().astimezone(LOCAL).utcoffset() or timedelta()).total_seconds())
