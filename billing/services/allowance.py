"""Money decides about energy: the gate that reserves, the customer's choice, renewal at price borders."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import forecast, pricing, values
from billing.models import Account, Hold, HoldState, Purchase, PurchaseState
from billing.selectors import purchases as sold
from billing.selectors import standing as balances
from billing.selectors import statements
from billing.selectors.costs import usage_of
from billing.services import ledger, tariffs, wallets
from billing.services.choices import BadQuantity, CannotPay, check_choice
from core import outbox
from core.models import Fact
from stations.models import Authorisation, Connector, Session, SessionStatus, Station
from stations.services import allowances, authorising
from stations.services.gate import Allowance, Refusal
from users.models import Card, Customer

# When the deliverer is down at a border to a dearer price, the charge may go on this long.
BORDER_GRACE = timedelta(minutes=2)
LEAVE_LASTS = timedelta(minutes=3)
LEAST_WH = 100


class BillingGate:
    """The implementation of ``stations.services.gate.Gate``."""

    def check(self, station: Station, customer: Customer, at: datetime) -> Refusal | None:
        found = tariffs.value(station, customer.level, at)
        if found is None:
            return Refusal("no_tariff")
        return _money_problem(customer, found[1])

    def allow(
        self,
        connector: Connector,
        customer: Customer | None,
        at: datetime,
        *,
        key: str,
        authorisation: Authorisation | None,
    ) -> Allowance | Refusal:
        station = connector.charger.station
        if authorisation is not None and (bought := sold.of_leave(authorisation)):
            return _begin_sold(bought, at)
        if customer is None:
            return Refusal("no_customer")
        holder = sold.on_plug(connector)
        if holder is not None and holder.state == PurchaseState.PAID:
            return Refusal("plug_paid")  # a tap now would pay for the car of who paid before
        found = tariffs.value(station, customer.level, at)
        if found is None:
            return Refusal("no_tariff")
        tariff = found[1]
        if authorisation is not None and authorisation.hold_id is not None:
            hold = Hold.objects.select_related("account").get(pk=authorisation.hold_id)
            return _allowance(hold, pricing.Usage(at, at, 0), at, tariff, authorisation)
        if (problem := _money_problem(customer, tariff)) is not None:
            return problem
        hold = _hold_for(customer, _most(station, connector, tariff), key)
        return _allowance(hold, pricing.Usage(at, at, 0), at, tariff, None)

    def spendable(self, customer_ids: Collection[int]) -> Mapping[int, int]:
        return balances.spendable(customer_ids)


def choose(session: Session, *, wh: int | None, satang: int | None) -> None:
    """The customer says how much of a running charge they want: kWh, baht, or until full (neither).

    The hold follows: the dearest case of the choice, or again all that may be held.
    """
    with transaction.atomic():
        locked = (
            Session.objects.select_for_update(of=("self",))
            .select_related("live")
            .get(pk=session.pk)
        )
        if (
            locked.status != SessionStatus.ACTIVE
            or locked.customer is None
            or locked.hold_id is None
        ):
            raise BadQuantity(_("This charge has ended already."), code="session_ended", status=409)
        if sold.of_session(locked) is not None:
            raise BadQuantity(_("This charge is paid for already."), code="paid", status=409)
        found = tariffs.of_session(locked)
        if found is None:
            raise CannotPay("no_tariff")
        tariff = found[1]
        spent = pricing.price(usage_of(locked), tariff).total
        check_choice(
            locked.station, wh, satang, tariff, drawn_wh=locked.live.energy_wh, spent=spent
        )
        hold = Hold.objects.select_related("account").get(pk=locked.hold_id)
        amount = _amount_to_hold(locked.station, locked.connector, tariff, wh, satang)
        _resize(hold, locked.customer, amount, exact=wh is not None or satang is not None)
        hold.refresh_from_db()
        _apply(locked, hold, tariff, timezone.now(), wh, satang, choose_now=True)


def reserve_for_page(
    connector: Connector,
    customer: Customer,
    card: Card | None = None,
    *,
    visitor: str,
    wh: int | None,
    satang: int | None,
) -> Authorisation:
    """Hold the money for the choice and give this phone leave to start on this connector.

    Without a card (login by phone) the leave carries an idTag of its own.
    """
    now = timezone.now()
    with transaction.atomic():
        station = connector.charger.station
        found = tariffs.value(station, customer.level, now)
        if found is None:
            raise CannotPay("no_tariff")
        tariff = found[1]
        if (problem := _money_problem(customer, tariff)) is not None:
            raise CannotPay(problem.code)
        if sold.on_plug(connector) is not None:
            raise CannotPay("plug_paid")
        check_choice(station, wh, satang, tariff, drawn_wh=0)
        charger = connector.charger
        leave = Authorisation.objects.create(
            connector=connector,
            customer=customer,
            card=card,
            id_tag=authorising.tag_for(charger, card) if card else authorising.new_tag(charger),
            visitor=visitor,
            chosen_wh=wh,
            chosen_satang=satang,
            expires_at=now + LEAVE_LASTS,
        )
        amount = _amount_to_hold(station, connector, tariff, wh, satang)
        if wh is None and satang is None:
            hold = _hold_for(customer, amount, f"leave:{leave.pk}")
        else:
            hold = _exact_hold(customer, amount, f"leave:{leave.pk}")
        Authorisation.objects.filter(pk=leave.pk).update(hold_id=hold.pk)
        leave.hold_id = hold.pk
        outbox.publish(
            "authorisation_lapsed",
            leave.pk,
            company_id=station.company_id,
            due=leave.expires_at,
            station=station.pk,
        )
    return leave


def on_session_started(fact: Fact) -> None:
    """Arm the renewal at the next price border."""
    session = _running(fact.subject_id)
    if session is not None:
        _renew(session)


def on_allowance_due(fact: Fact) -> None:
    """A price border or a priced minute has come: turn the held money into Wh again."""
    session = _running(fact.subject_id)
    if session is not None:
        _renew(session)


def on_authorisation_lapsed(fact: Fact) -> None:
    """Leave that nobody used, or that the charger refused: the held money is free again."""
    leave = Authorisation.objects.select_for_update(of=("self",)).get(pk=fact.subject_id)
    lapsed = leave.cancelled_at is not None or leave.expires_at <= timezone.now()
    if leave.session_id is not None or not lapsed or sold.of_leave(leave) is not None:
        return  # what was paid for goes back by itself (purchases)
    if leave.cancelled_at is None:
        Authorisation.objects.filter(pk=leave.pk).update(cancelled_at=timezone.now())
    if leave.hold_id is not None:
        hold = Hold.objects.select_related("account").get(pk=leave.hold_id)
        ledger.lock(hold.account)
        ledger.close_hold(hold)


def on_wallet_changed(fact: Fact) -> None:
    """Money came free or was topped up: running charges without a chosen amount may draw more.

    All sessions are locked before any account is, as everywhere.
    """
    running = Session.objects.select_for_update(of=("self",)).filter(
        customer_id=fact.subject_id,
        status=SessionStatus.ACTIVE,
        refusal="",
        hold_id__isnull=False,
        chosen_wh__isnull=True,
        chosen_satang__isnull=True,
        authorisation__purchase__isnull=True,
    )
    for session in list(running.order_by("pk")):
        _apply_renewal(session, timezone.now())


def _running(session_id: int) -> Session | None:
    session = Session.objects.select_for_update(of=("self",)).filter(pk=session_id).first()
    if (
        session is None
        or session.status != SessionStatus.ACTIVE
        or session.refusal
        or session.hold_id is None
    ):
        return None
    return session


def _renew(session: Session) -> None:
    """Recompute the allowance and put the next renewal on the calendar."""
    again_at = _apply_renewal(session, timezone.now())
    if again_at is not None:
        outbox.publish(
            "allowance_due",
            session.pk,
            company_id=session.company_id,
            due=again_at,
            station=session.station_id,
            session=session.pk,
        )


def _apply_renewal(session: Session, now: datetime) -> datetime | None:
    found = tariffs.of_session(session)
    if found is None:
        return None
    tariff = found[1]
    hold = Hold.objects.select_related("account").get(pk=session.hold_id or 0)
    if hold.state != HoldState.OPEN:
        return None
    if bought := sold.of_session(session):
        return _apply(session, hold, tariff, now, bought.max_wh, None)
    if session.customer is None:
        return None
    if session.chosen_wh is None and session.chosen_satang is None:
        most = _most(session.station, session.connector, tariff)
        if most > hold.amount:
            _resize(hold, session.customer, most, exact=False)
            hold.refresh_from_db()
    return _apply(session, hold, tariff, now, session.chosen_wh, session.chosen_satang)


def _apply(
    session: Session,
    hold: Hold,
    tariff: pricing.Tariff,
    now: datetime,
    wh: int | None,
    satang: int | None,
    *,
    choose_now: bool = False,
) -> datetime | None:
    """Put what the hold buys on the session; say when that must be worked out again."""
    budget = hold.amount if satang is None else min(hold.amount, satang)
    usage = usage_of(session)
    bought = forecast.affordable(budget, usage, max(now, usage.end), tariff)
    max_wh = bought.wh if wh is None else min(bought.wh, wh)
    until = _must_renew_by(bought.valid_until, tariff, now)
    allowances.set_allowance(
        session.pk, max_wh, until, chosen_wh=wh, chosen_satang=satang, choose=choose_now
    )
    return bought.valid_until


def _must_renew_by(
    valid_until: datetime | None, tariff: pricing.Tariff, now: datetime
) -> datetime | None:
    """Only a border to a dearer price must stop a charge that nobody renews."""
    if valid_until is None:
        return None
    here, there = tariff.calendar.period_at(now), tariff.calendar.period_at(valid_until)
    dearer = tariff.unit_price(pricing.Part.ENERGY, there) > tariff.unit_price(
        pricing.Part.ENERGY, here
    )
    timed = forecast.is_timed(tariff, here)
    return valid_until + BORDER_GRACE if dearer or timed else None


def _allowance(
    hold: Hold,
    usage: pricing.Usage,
    at: datetime,
    tariff: pricing.Tariff,
    leave: Authorisation | None,
) -> Allowance:
    wh = leave.chosen_wh if leave else None
    satang = leave.chosen_satang if leave else None
    budget = hold.amount if satang is None else min(hold.amount, satang)
    bought = forecast.affordable(budget, usage, at, tariff)
    return Allowance(
        max_wh=bought.wh if wh is None else min(bought.wh, wh),
        hold_id=hold.pk,
        valid_until=_must_renew_by(bought.valid_until, tariff, at),
        chosen_wh=wh,
        chosen_satang=satang,
    )


def _begin_sold(bought: Purchase, at: datetime) -> Allowance | Refusal:
    """A charge that was paid for begins, with the whole of its money: no second hold is placed."""
    row = Purchase.objects.select_for_update(of=("self",)).get(pk=bought.pk)
    if row.state != PurchaseState.PAID:
        return Refusal("not_paid")
    Purchase.objects.filter(pk=row.pk).update(state=PurchaseState.CHARGING)
    tariff = values.tariff_from_json(row.tariff_value)
    reach = forecast.affordable(row.amount, pricing.Usage(at, at, 0), at, tariff)
    chosen_wh = row.max_wh if row.satang is None else None
    return Allowance(
        max_wh=min(reach.wh, row.max_wh),
        hold_id=row.hold_id,
        valid_until=_must_renew_by(reach.valid_until, tariff, at),
        chosen_wh=chosen_wh,
        chosen_satang=row.satang,
    )


def _money_problem(customer: Customer, tariff: pricing.Tariff) -> Refusal | None:
    now = wallets.standing(customer)
    if now.in_arrears:
        return Refusal("arrears")
    if now.owed and statements.is_overdue(customer, timezone.localdate()):
        return Refusal("overdue")
    least = max(
        forecast.cost_in(period, LEAST_WH, 0, tariff)
        for period in (pricing.Period.ON_PEAK, pricing.Period.OFF_PEAK)
    )
    if now.available < least:
        return Refusal("no_money" if now.prepaid else "credit_used_up")
    return None


def _most(station: Station, connector: Connector, tariff: pricing.Tariff) -> int:
    """The most a charge at this connector is expected to cost: what is held when nothing was chosen."""
    return forecast.dearest(station.max_session_kwh * 1000, connector.max_power_w, tariff)


def _amount_to_hold(
    station: Station,
    connector: Connector,
    tariff: pricing.Tariff,
    wh: int | None,
    satang: int | None,
) -> int:
    if satang is not None:
        return satang
    if wh is not None:
        return forecast.dearest(wh, connector.max_power_w, tariff)
    return _most(station, connector, tariff)


def _hold_for(customer: Customer, most: int, key: str) -> Hold:
    """Hold up to ``most`` of what is free."""
    on, ceiling = _credit_side(customer)
    ledger.lock(on)
    return ledger.place_hold(on, min(ledger.free(on, ceiling), most), key, ceiling=ceiling)


def _exact_hold(customer: Customer, amount: int, key: str) -> Hold:
    on, ceiling = _credit_side(customer)
    try:
        return ledger.place_hold(on, amount, key, ceiling=ceiling)
    except ledger.NotEnough:
        raise CannotPay("no_money" if ceiling is None else "credit_used_up") from None


def _resize(hold: Hold, customer: Customer, amount: int, *, exact: bool) -> None:
    on, ceiling = _credit_side(customer)
    if not exact:
        ledger.lock(on)
        amount = min(amount, hold.amount + ledger.free(on, ceiling))
    try:
        ledger.resize_hold(hold, amount, ceiling=ceiling)
    except ledger.NotEnough:
        raise CannotPay("no_money" if ceiling is None else "credit_used_up") from None


def _credit_side(customer: Customer) -> tuple[Account, int | None]:
    """The account that holds are placed on, and its ceiling where that is a credit line."""
    now = wallets.standing(customer)
    if now.prepaid:
        return wallets.wallet_of(customer), None
    return wallets.receivable_of(customer), customer.credit_limit + now.wallet
