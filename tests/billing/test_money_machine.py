"""Anything may happen in any order; nothing is made or lost, and nothing starts unpaid.

A gateway in memory keeps its own books. After every step the ledger proves and says no more than
the gateway does; at the end, with the gateway back, both say the same to the satang.
"""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
import time_machine
from django.db import transaction
from django.db.models import F, Sum
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.models import (
    Account,
    Payment,
    PaymentState,
    Purchase,
    PurchaseState,
    Refund,
    RefundState,
)
from billing.payments.base import ChargeStatus, Method, Notice
from billing.services import payments, refunds, top_ups, wallets
from billing.services.ledger import NotEnough
from core.audit import Actor
from core.errors import DomainError
from core.models import Lease
from stations.models import CommandStatus, Connector, Session, SessionStatus
from stations.services import connectors
from tests.billing import selling
from tests.billing.fake_gateway import FakeGateway, install
from tests.factories import a_card, a_connector, a_customer

pytestmark = pytest.mark.django_db
ADMIN = Actor("admin", "1", "Admin")


class Money(RuleBasedStateMachine):
    """Two plugs, three phones, one member, one gateway."""

    gateway: FakeGateway
    bought = Bundle("bought")
    topped = Bundle("topped")
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.travel = time_machine.travel(datetime.now(UTC), tick=False)
        self.clock = self.travel.start()
        gateway = self.gateway
        gateway.charges.clear()
        gateway.away = gateway.lossy = False
        gateway.refuses.clear()
        gateway.keeps_refund_keys = True
        plug = selling.a_plug()
        Lease.objects.update(expires_at=datetime.now(UTC) + timedelta(days=3650))
        other = a_connector(plug.charger, 2)
        rows = Connector.objects.select_related("charger__station__company")
        self.plugs = [rows.get(pk=plug.pk), rows.get(pk=other.pk)]
        self.member = a_customer(plug.charger.station.company, balance=50_00)
        self.card = a_card(self.member)
        self.events = 0

    def teardown(self) -> None:
        try:
            self.all_comes_to_rest()
        finally:
            self.travel.stop()
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    # --- what phones do --------------------------------------------------------------------------

    @rule(
        target=bought,
        plug=st.integers(0, 1),
        phone=st.sampled_from(["phone-1", "phone-2", "phone-3"]),
        choice=st.sampled_from([(5_000, None), (20_000, None), (None, 100_00), (None, None)]),
        method=st.sampled_from([Method.PROMPTPAY, Method.CARD, Method.MOBILE_BANKING]),
        known=st.booleans(),
    )
    def buy(
        self,
        plug: int,
        phone: str,
        choice: tuple[int | None, int | None],
        method: Method,
        known: bool,
    ) -> Any:
        where = self.plugs[plug]
        where.refresh_from_db()
        try:
            made = selling.buy(
                where,
                phone,
                wh=choice[0],
                satang=choice[1],
                method=method,
                customer=self.member if known else None,
                card_token="tokn_ok" if method is Method.CARD else "",
            )
        except DomainError:
            return multiple()
        return made.pk

    @rule(
        target=bought,
        plug=st.integers(0, 1),
        phone=st.sampled_from(["phone-1", "phone-2"]),
        method=st.sampled_from([Method.PROMPTPAY, Method.PROMPTPAY, Method.CARD]),
        satang=st.sampled_from([None, 20_01, 100_00, 333_33]),
        known=st.booleans(),
        wh=st.sampled_from([None, 0, 1, 1_234, 4_999, 60_000]),
        rude=st.sampled_from(["", "", "", "away", "lossy"]),
    )
    def whole_sale(
        self,
        plug: int,
        phone: str,
        method: Method,
        satang: int | None,
        known: bool,
        wh: int | None,
        rude: str,
    ) -> Any:
        """From the choice to the end of the charge (``wh`` None: it goes on), as far as it comes."""
        pk = self.buy(plug, phone, (None, satang), method, known)
        if not isinstance(pk, int):
            return multiple()
        self.pays_and_we_hear(pk)
        self.charger_starts(pk)
        session = Session.objects.filter(
            authorisation__purchase=pk, status=SessionStatus.ACTIVE
        ).first()
        self.weather(rude)
        if session is not None and wh is not None:
            self.ends(session, wh)
        return pk

    def ends(self, session: Session, wh: int) -> None:
        self.clock.shift(timedelta(seconds=wh * 3600 / 20_000))  # no quicker than the plug can
        selling.stop(session, wh)

    @rule(pk=bought)
    def pays(self, pk: int) -> None:
        """At the bank, whatever we believe of it."""
        ref = selling.payment_of(Purchase.objects.get(pk=pk)).gateway_ref
        if ref and ref in self.gateway.charges:
            hold = selling.payment_of(Purchase.objects.get(pk=pk)).hold
            (self.gateway.hold if hold else self.gateway.pay)(ref)

    @rule(pk=bought)
    def pays_and_we_hear(self, pk: int) -> None:
        self.pays(pk)
        payments.look(Purchase.objects.get(pk=pk).payment_id or 0)
        selling.deliver()

    @rule(pk=bought)
    def cancels(self, pk: int) -> None:
        from billing.services import purchases

        purchases.cancel(Purchase.objects.get(pk=pk))
        selling.deliver()

    @rule(target=topped, satang=st.integers(20_00, 500_00))
    def tops_up(self, satang: int) -> int:
        made = top_ups.begin(self.member, satang, Method.PROMPTPAY)
        payments.send(made)
        return made.pk

    @rule(pk=topped)
    def pays_top_up(self, pk: int) -> None:
        ref = Payment.objects.get(pk=pk).gateway_ref
        if ref:
            self.gateway.pay(ref)

    @rule(satang=st.integers(1, 60_00))
    def withdraws(self, satang: int) -> None:
        self.events += 1
        with contextlib.suppress(NotEnough):
            wallets.withdraw(
                self.member, satang, key=f"w{self.events}", reason="asked", actor=ADMIN
            )
        selling.deliver()

    # --- what the gateway does -------------------------------------------------------------------

    @rule(word=st.sampled_from(["away", "lossy", "back", "back", "back"]))
    def weather(self, word: str) -> None:
        self.gateway.away = word == "away"
        self.gateway.lossy = word == "lossy"

    @rule(call=st.sampled_from(["", "", "", "capture", "refund", "create", "release", "expire"]))
    def refuses(self, call: str) -> None:
        self.gateway.refuses = {call}

    @rule()
    def forgets_refund_keys(self) -> None:
        self.gateway.keeps_refund_keys = not self.gateway.keeps_refund_keys

    @rule(pk=bought, how=st.sampled_from(["more", "less", "currency", "key"]))
    def lies(self, pk: int, how: str) -> None:
        """A charge that says paid with something wrong is not believed."""
        payment = selling.payment_of(Purchase.objects.get(pk=pk))
        known = self.gateway.charges.get(payment.gateway_ref)
        if known is None or known.status is not ChargeStatus.PENDING or self.gateway.away:
            return
        lies: dict[str, dict[str, Any]] = {
            "more": {"amount": known.amount + 1, "captured": known.amount + 1},
            "less": {"captured": known.amount - 1},
            "currency": {"currency": "USD", "captured": known.amount},
            "key": {"key": "3b241101-e2bb-4255-8caf-4136c566a962", "captured": known.amount},
        }
        self.gateway.change(payment.gateway_ref, status=ChargeStatus.PAID, **lies[how])
        after = payments.look(payment.pk)
        assert (after.captured, after.state) == (payment.captured, payment.state)
        selling.deliver()
        self.gateway.charges[payment.gateway_ref] = known

    @rule(pk=bought, kind=st.sampled_from(["fresh", "again", "stranger", "key"]))
    def notice(self, pk: int, kind: str) -> None:
        """Webhooks: duplicated, of strangers, out of order; none of them is believed by itself."""
        payment = selling.payment_of(Purchase.objects.get(pk=pk))
        self.events += kind != "again"
        ref = {"stranger": "chrg_of_nobody", "key": ""}.get(kind, payment.gateway_ref)
        key = str(payment.key) if kind == "key" else ""
        before = payment.state
        payments.take_notice(
            "omise", Notice(f"evnt_{self.events}", "charge.complete", ref, key, kind != "key")
        )
        assert selling.payment_of(Purchase.objects.get(pk=pk)).state == before

    # --- what the charger does -------------------------------------------------------------------

    @rule(plug=st.integers(0, 1), status=st.sampled_from(["Available", "Preparing", "Faulted"]))
    def plug_says(self, plug: int, status: str) -> None:
        now = datetime.now(UTC)
        where = self.plugs[plug]
        connectors.record_statuses(
            [
                connectors.StatusReport(
                    where.charger_id, where.connector_id, status, "NoError", "", "", now, now
                )
            ]
        )
        selling.deliver()

    @rule(pk=bought, status=st.sampled_from(["accepted", "rejected", "timeout"]))
    def charger_answers(self, pk: int, status: str) -> None:
        given = selling.orders(Purchase.objects.get(pk=pk))
        if given and given[-1].status == CommandStatus.QUEUED:
            selling.answer(Purchase.objects.get(pk=pk), CommandStatus(status))

    @rule(pk=bought)
    def charger_starts(self, pk: int) -> None:
        before = Purchase.objects.get(pk=pk)
        begun = selling.start(before, meter=1_000 + self.events)
        self.events += 1
        if begun.info.status == "Accepted":
            assert before.state == PurchaseState.PAID
            assert selling.payment_of(before).has_money
            assert begun.session.allowance_wh is not None

    @rule()
    def member_taps(self) -> None:
        from tests.billing.test_charging_money import start

        self.events += 1
        start(self.plugs[0], self.card, meter=self.events)
        selling.deliver()

    @precondition(lambda self: Session.objects.filter(status=SessionStatus.ACTIVE).exists())
    @rule(wh=st.one_of(st.integers(0, 60_000), st.sampled_from([0, 4_999, 5_000, 5_001])))
    def charge_ends(self, wh: int) -> None:
        session = Session.objects.filter(status=SessionStatus.ACTIVE).order_by("pk").first()
        assert session is not None
        self.ends(session, wh)

    # --- what we do ------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([10, 60, 11 * 60, 20 * 60, 3600, 25 * 3600, 8 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.clock.shift(timedelta(seconds=seconds))
        selling.deliver()

    @rule()
    def sweep(self) -> None:
        selling.look_at_all()

    @rule(number=st.sampled_from(["081 234 5678", "no number"]))
    def guest_gives_number(self, number: str) -> None:
        waiting = Refund.objects.filter(state=RefundState.WAITING).first()
        if waiting is not None:
            with contextlib.suppress(DomainError):
                refunds.accept_number(waiting, number)

    @rule()
    def admin_pays_by_hand(self) -> None:
        for refund in Refund.objects.all()[:2]:
            try:
                refunds.pay_by_hand(refund, ADMIN, "KBank 123")
            except refunds.NotByHand:
                assert refund.state in (RefundState.DUE, RefundState.SENT, RefundState.DONE)
        selling.deliver()

    # --- what always holds -----------------------------------------------------------------------

    @invariant()
    def proves(self) -> None:
        type(self).steps += 1
        selling.assert_proven()

    @invariant()
    def we_say_no_more_than_the_gateway(self) -> None:
        sums = Payment.objects.aggregate(taken=Sum("captured"), back=Sum("refunded"))
        charges = self.gateway.charges.values()
        assert (sums["taken"] or 0) <= sum(c.captured for c in charges)
        assert (sums["back"] or 0) <= sum(c.refunded for c in charges)

    @invariant()
    def nothing_runs_unpaid(self) -> None:
        sold = Session.objects.filter(refusal="", customer__isnull=True)
        assert not sold.filter(authorisation__purchase__isnull=True).exists()

    def all_comes_to_rest(self) -> None:
        """The gateway is back and does what it is asked; a day and a week later all is settled."""
        gateway = self.gateway
        gateway.away = gateway.lossy = False
        gateway.refuses.clear()
        for session in Session.objects.filter(status=SessionStatus.ACTIVE):
            self.ends(session, 1_234)
        for wait in (0, 15, 60, 3600, 2 * 3600):
            self.clock.shift(timedelta(minutes=wait))
            selling.deliver()
            Payment.objects.exclude(gateway_ref="").update(look_at=F("created_at"))
            Payment.objects.filter(state=PaymentState.NEW).update(look_at=F("created_at"))
            Refund.objects.exclude(state=RefundState.DONE).filter(due__isnull=False).update(
                due=F("created_at")
            )
            selling.look_at_all()
        self.proves()
        cleared = Account.objects.filter(kind="gateway_clearing").aggregate(n=Sum("balance"))["n"]
        assert (cleared or 0) == gateway.total
        held = Account.objects.filter(kind="card_due").aggregate(n=Sum("held"))["n"]
        assert (held or 0) == gateway.held == 0
        running = [PurchaseState.PAYING, PurchaseState.PAID, PurchaseState.CHARGING]
        assert not Purchase.objects.filter(state__in=running).exists()
        assert not Account.objects.filter(kind="guest_deposit").exclude(balance=0).exists()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> type[Money]:
    Money.gateway = install(monkeypatch, FakeGateway())
    Money.steps = 0
    return Money


def run(machine: type[Money], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


def test_whatever_happens_nothing_is_made_or_lost(machine: type[Money]) -> None:
    run(machine, examples=3, steps=20)
    assert machine.steps > 30


@pytest.mark.soak
def test_two_thousand_steps_of_it(machine: type[Money]) -> None:
    while machine.steps < 2_000:
        run(machine, examples=40, steps=60)
