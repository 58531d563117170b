"""Everything a phone's page shows, put together for its stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.models import Hold, Purchase
from billing.selectors import purchases, quotes
from billing.selectors.costs import usage_of
from billing.services import gateways, wallets
from core.errors import DomainError
from evbilling import explained_page, stay_words
from evbilling.customer import (
    choice,
    chooser,
    drawing,
    keeping,
    membership,
    paying,
    receipts,
    ride,
    staying,
    ways,
    words,
)
from evbilling.customer.money import Money
from evbilling.customer.stage import Phone, Stage, stage_of
from evbilling.templatetags.ui import baht, duration, price
from stations.models import Command, Connector, Session, SessionStatus, VisitStage
from stations.selectors import visits
from stations.selectors.visits import Place
from stations.services.authorisations import command_key
from users.models import Customer

# Stages that share a template.
_BODIES = dict.fromkeys(
    (Stage.FAULT, Stage.RESERVED, Stage.CLOSED, Stage.OFFLINE, Stage.NO_PRICE), "trouble"
) | {Stage.RECEIPT: "receipt_stage"}
WITH_WAYS = (Stage.FREE, Stage.UNPAID, Stage.RETURNED, Stage.PAY, Stage.CARD)
WITH_CHOOSER = (Stage.FREE, Stage.MEMBER, Stage.CONFIRM, Stage.ASK, Stage.LIVE)


@dataclass(frozen=True)
class Look:
    """One look of one phone at one plug. What several parts of the page need is read once."""

    request: HttpRequest
    visitor: str
    place: Place
    phone: Phone
    stage: Stage
    offer: quotes.Offer | None
    now: datetime
    member: Customer | None = None  # who is signed in here by phone number

    @property
    def connector(self) -> Connector:
        return self.place.connector

    @property
    def session(self) -> Session | None:
        """The charge this phone speaks for."""
        return self.phone.session

    @property
    def purchase(self) -> Purchase | None:
        """What this phone pays for here, or paid for last."""
        return self.phone.purchase

    @cached_property
    def payable(self) -> Sequence[ways.Way]:
        """How a charge can be paid here; empty: a member's card is the only way."""
        entity = self.connector.charger.station.tax_entity
        offered = gateways.offered(entity) if self.stage in WITH_WAYS else ()
        if not offered:
            return ()
        members = quotes.public_offer(self.connector.charger.station, self.now)
        by_card = Money(None, None, None, members.tariff) if members else None
        return ways.at(
            self.connector,
            offered,
            chooser.bounds_of(self.connector, by_card, self.now, session=None) if by_card else None,
            self.now,
        )

    @property
    def way(self) -> ways.Way | None:
        """The way that was chosen, on this page or last time."""
        said = self.request.POST.get("pay") or self.request.COOKIES.get(ways.COOKIE, "")
        return ways.chosen(self.payable, said)

    @property
    def customer(self) -> Customer | None:
        """Whose card was tapped for this phone, once that is sure."""
        if self.session is not None:
            return self.session.customer
        if self.stage is Stage.MEMBER:
            return self.member
        visit, leave = self.phone.visit, self.phone.leave
        if self.stage is Stage.STARTING and leave is not None and leave.card_id is None:
            return leave.customer
        sure = self.stage in (Stage.CONFIRM, Stage.STARTING)
        return visit.card.customer if visit and visit.card and sure else None

    @cached_property
    def money(self) -> Money:
        """The customer's money, and the charge's as metered so far."""
        session = self.session
        return Money(
            standing=wallets.standing(self.customer) if self.customer else None,
            hold=Hold.objects.filter(pk=session.hold_id or 0).first() if session else None,
            usage=usage_of(session) if session else None,
            tariff=self.offer.tariff if self.offer else None,
        )


@dataclass(frozen=True, slots=True)
class PriceCard:
    """The price now, the day at a glance, and what comes next."""

    offer: quotes.Offer
    strip: str
    change: str
    rises: bool
    wait: str
    changes_at: datetime | None
    extras: list[str]
    staying: list[str]  # what a car that stays costs, and reservations
    even: bool  # one price today: the strip needs no room for hours


def look(request: HttpRequest, connector: Connector, visitor: str) -> Look:
    """Read all that decides, once."""
    now = timezone.now()
    place = visits.place(connector)
    visit = visits.visit_of(connector, visitor)
    purchase = purchases.of_phone(connector, visitor)
    bought = paying.charge_of(purchase, connector)
    mine = bought or (visit.session if visit else None)
    signed = membership.signed(request, connector)
    by_card = visits.open_leave(visit) if visit and visit.card_id and not mine else None
    phone = Phone(
        visit,
        leave=by_card or membership.open_leave(connector, visitor, signed.member),
        own=membership.own_charge(place, signed.member),
        asked=chooser.remembered(request)[3],
        again="again" in request.GET,
        newest=mine is None or visits.is_newest(mine),
        visitor=visitor,
        purchase=purchase,
        bought=bought,
        taken=paying.taken_by_another(place, visitor),
    )
    offer = _offer(place, phone, signed, now)
    stage = membership.stage(stage_of(place, phone, now, priced=offer is not None), signed)
    return Look(request, visitor, place, phone, stage, offer, now, signed.member)


def context(
    what: Look, *, typed: choice.Typed | None = None, error: DomainError | None = None
) -> dict[str, Any]:
    """What the templates get. ``typed`` and ``error``: a form that came back."""
    found: dict[str, Any] = _where(what.place) | {
        "look": what,
        "stage": what.stage.value,
        "body": f"customer/{_BODIES.get(what.stage, what.stage.value)}.html",
        "key": f"{what.stage}:{what.session.pk if what.session else 0}:{_kept(what)}:{paying.key(what)}",
        "state": words.state_of(what.stage, what.place),
        "now": what.now,
        "error": error,
        "price_card": _price_card(what) if what.offer else None,
        "trouble": words.trouble(what.stage, what.place),
        "vat": _shows_vat(what),
    }
    found |= _FOR_STAGE.get(what.stage, _nothing)(what)
    bought = what.stage is Stage.LIVE and what.phone.paid_for is not None  # for a sum, once
    if what.stage in WITH_CHOOSER and what.offer is not None and not bought:
        found["chooser"] = _chooser(what, typed, error)
    return found


def _kept(what: Look) -> int:
    """The reservation that this phone holds: with its end the page begins anew."""
    row = what.place.reservation
    return row.pk if row is not None and row.visitor == what.visitor else 0


def receipt_page(session: Session) -> dict[str, Any]:
    """The page behind a receipt's link: this charge, no name and no balance."""
    place = visits.place(session.connector)
    return (
        _where(place)
        | receipt_context(session, place)
        | {"state": words.DONE, "vat": True, "by_link": True, "now": timezone.now()}
    )


def explained_of(session: Session) -> dict[str, Any]:
    """The page that explains a receipt's amount."""
    back = reverse("customer-receipt", args=[session.connector.code, receipts.token_of(session)])
    return explained_page.context(
        session, back_url=back, back_word=_("Summary of the charge"), office=False
    )


def _where(place: Place) -> dict[str, Any]:
    connector, charger = place.connector, place.connector.charger
    return {
        "connector": connector,
        "charger": charger,
        "station": charger.station,
        "plug": _("plug %(n)s") % {"n": connector.connector_id} if place.several_plugs else "",
        "home": reverse("customer", args=[connector.code]),
        "demo": settings.DEMO,
        "phone_login": bool(settings.SMS_BACKEND),
    }


def _offer(
    place: Place, phone: Phone, signed: membership.Signed, now: datetime
) -> quotes.Offer | None:
    """The prices for this phone: its charge's, its card's, its member's, else what all pay."""
    station, session = place.connector.charger.station, phone.session
    if session is not None and session.status == SessionStatus.ACTIVE:
        return quotes.offer_of(session, now)
    card = phone.visit.card if phone.visit and phone.visit.stage == VisitStage.RECOGNISED else None
    if card is not None and card.customer is not None:
        return quotes.offer(station, card.customer.level, now)
    if signed.member is not None and not signed.as_guest:
        return quotes.offer(station, signed.member.level, now)
    return (gateways.offered(station.tax_entity) and quotes.offer(station, "guest", now)) or (
        quotes.public_offer(station, now)
    )


def _price_card(what: Look) -> PriceCard:
    offer = what.offer
    assert offer is not None  # noqa: S101 - the caller has looked
    change, today = offer.change, quotes.day(offer.tariff, what.now)
    return PriceCard(
        offer,
        drawing.day_strip(today, what.now, _day_in_words(offer, what.now)),
        words.change_in_words(change.at, what.now) if change else "",
        bool(change and change.per_kwh > offer.now.per_kwh),
        duration(change.at - what.now) if change else "",
        change.at if change else None,
        _extras(offer.now),
        stay_words.for_driver(offer.tariff, offer.now.period),
        even=len(today) == 1,
    )


def _day_in_words(offer: quotes.Offer, now: datetime) -> str:
    """The strip for those who do not see it."""
    parts = [
        f"{s.start:%H:%M}–{'24:00' if s.end.day != s.start.day else f'{s.end:%H:%M}'} {price(s.per_kwh)}"
        for s in quotes.day(offer.tariff, now)
    ]
    return _("Price per kWh today: %(list)s") % {"list": ", ".join(parts)}


def _extras(now: quotes.Price) -> list[str]:
    """What is paid beside the energy."""
    found = []
    if now.once:
        found.append(_("%(price)s per charge") % {"price": baht(now.once)})
    if now.per_minute:
        found.append(_("%(price)s per minute") % {"price": price(now.per_minute)})
    return found


def _chooser(what: Look, typed: choice.Typed | None, error: DomainError | None) -> chooser.Chooser:
    bounds, way = bounds_of(what), what.way
    shown = typed or chooser.proposed(what.request, bounds, what.session)
    found = chooser.chooser(bounds, shown, error, words=_phone_words(what), way=way)
    if way is None:
        return found
    # The base is what whoever pays first may choose; a member's card has its own beside it.
    payers = next(each.bounds for each in what.payable if each.pays)
    plan = quotes.for_phone(payers.plan, most_wh=payers.most_kwh * 1000, can_hold=None)
    of_ways = {each.value: ways.for_phone(each) for each in what.payable}
    return replace(found, ways=what.payable, plan={**found.plan, **plan, "ways": of_ways})


def bounds_of(what: Look) -> chooser.Bounds:
    """What this phone may ask for now; the offer must be known."""
    if what.way is not None:
        return what.way.bounds
    return chooser.bounds_of(what.connector, what.money, what.now, session=what.session)


def _phone_words(what: Look) -> Mapping[str, str]:
    """The pieces of text that the phone's own sums are put into."""
    n = {"n": "{n}"}
    per_kwh = what.offer.now.per_kwh if what.offer else Decimal(0)
    return {
        "s": _("%(n)s s") % n,
        "min": _("%(n)s min") % n,
        "h": _("%(n)s h") % n,
        "day": ngettext("%(n)s day", "%(n)s days", 1) % n,
        "days": ngettext("%(n)s day", "%(n)s days", 2) % n,
        "about": _("about %(length)s") % {"length": "{x}"},
        "done": _("done around %(time)s") % {"time": "{x}"},
        "energy": _("about %(kwh)s kWh") % {"kwh": "{x}"},
        "bought": _("%(kwh)s kWh") % {"kwh": "{x}"},
        "fixed": _("one price for the whole charge"),
        "likely": _("likely %(money)s, the rest comes back") % {"money": "{x}"},
        "money": _("about %(money)s") % {"money": "{x}"},
        "full": _("%(price)s per kWh") % {"price": price(per_kwh)},
        "taken": _("by what it takes"),
        "go": _("Confirm %(what)s") % {"what": "{x}"},
        "until": _("until full"),
    }


def _shows_vat(what: Look) -> bool:
    entity = what.connector.charger.station.tax_entity
    since = entity.vat_registered_from if entity else None
    return since is not None and since <= timezone.localdate(what.now)


def _nothing(what: Look) -> dict[str, Any]:
    return {}


def _tap(what: Look) -> dict[str, Any]:
    visit = what.phone.visit
    refused = visits.refused_tap(visit) if visit else None
    return {
        "visit": visit,
        "steps": words.how_to_tap(what.place),
        "refused": words.REFUSED.get(refused.reason, words.REFUSED_OTHERWISE) if refused else "",
        "chosen": _remembered(what.request),
        "wait_left": words.left(visit.waiting_until, what.now) if visit else "",
    }


def _free(what: Look) -> dict[str, Any]:
    finished = what.session if what.phone.again else None
    kept = keeping.mine(what)
    return {
        "keep": keeping.offer(what),
        "backs": paying.waiting_backs(what),
        "kept_note": keeping.note(kept),
        "kept_open": kept is not None and kept.is_open,
        "too_late": words.too_late(what.phone.visit, what.now),
        "last": receipts.token_of(finished) if finished else "",
    }


def _confirm(what: Look) -> dict[str, Any]:
    visit = what.phone.visit
    failed = visits.last_leave(visit) if visit else None
    return {
        "visit": visit,
        "customer": what.customer,
        "standing": what.money.standing,
        "failed": words.not_started(_order(failed)) if failed else "",
    }


def _starting(what: Look) -> dict[str, Any]:
    leave = what.phone.leave
    return {
        "leave": leave,
        "customer": what.customer,
        "leave_left": words.left(leave.expires_at, what.now) if leave else "",
        "chosen": words.chosen(leave.chosen_wh, leave.chosen_satang) if leave else "",
    }


def _riding(what: Look) -> dict[str, Any]:
    session = what.session
    assert session is not None  # noqa: S101 - LIVE and ASK are of a charge
    found = ride.ride(session, what.place, what.money, what.now)
    stays = what.offer is not None and what.offer.tariff.minds_the_plug
    return {
        "ride": found,
        "stay": staying.stay_of(session, what.now) if stays else None,
        "bought": paying.of_charge(what.phone.paid_for),
        "customer": session.customer,
        "fresh_from": ride.fresh_from(session.live),
        "chosen": words.chosen(session.chosen_wh, session.chosen_satang),
    }


def _receipt(what: Look) -> dict[str, Any]:
    session = what.session
    assert session is not None  # noqa: S101 - a receipt is of a charge
    standing = wallets.standing(session.customer) if session.customer else None
    return receipt_context(session, what.place) | {"standing": standing}


def receipt_context(session: Session, place: Place) -> dict[str, Any]:
    found = receipts.receipt(session, place)
    bought = paying.of_charge(purchases.of_session(session))
    link = reverse("customer-receipt", args=[place.connector.code, found.token])
    stay = staying.stay_of(session, timezone.now()) if found.bill is None else None
    why = reverse("customer-explained", args=[place.connector.code, found.token])
    return {
        "receipt": found,
        "receipt_link": link,
        "explained_link": why,
        "bought": bought,
        "stay": stay,
    }


def _busy(what: Look) -> dict[str, Any]:
    """Of somebody else's charge only when the plug may be free again: no name, no energy, no money."""
    running = what.place.session
    found: dict[str, Any] = {
        "running": running,
        "nearby": visits.free_nearby(what.connector),
        "paid_by_another": what.phone.taken,
    }
    if running is not None and what.place.online:
        found["free_at"] = ride.free_at(running, what.now)
    return found


def _elsewhere(what: Look) -> dict[str, Any]:
    return {"nearby": visits.free_nearby(what.connector)}


def _order(leave: Any) -> Command | None:
    return Command.objects.filter(key=command_key(leave)).first() if leave else None


def _remembered(request: HttpRequest) -> str:
    """What was chosen before the tap; nothing where nobody chose."""
    if chooser.COOKIE not in request.COOKIES:
        return ""
    by, kwh, baht_said, _session = chooser.remembered(request)
    if by == choice.FULL:
        return _("until full")
    return f"{kwh} kWh" if by == choice.KWH else baht(int(baht_said) * 100)


_FOR_STAGE = {
    Stage.FREE: _free,
    Stage.MEMBER: membership.context,
    Stage.TAP: _tap,
    Stage.PROVE: _tap,
    Stage.CONFIRM: _confirm,
    Stage.STARTING: _starting,
    Stage.CARD: paying.card,
    Stage.PAY: paying.pay,
    Stage.PAID: paying.paid,
    Stage.UNPAID: paying.unpaid,
    Stage.RETURNED: paying.returned,
    Stage.ASK: _riding,
    Stage.LIVE: _riding,
    Stage.RECEIPT: _receipt,
    Stage.BUSY: _busy,
    Stage.FAULT: _elsewhere,
    Stage.RESERVED: _elsewhere,
    Stage.CLOSED: _elsewhere,
    Stage.OFFLINE: _elsewhere,
}
