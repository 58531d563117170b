"""The gateway's own account of what it paid out: each line once, each difference told."""

import pytest

from billing.models import Account, Payment, SettlementRow
from billing.services import settlements
from core.audit import Actor
from core.models import AuditEntry
from tests.billing import selling
from tests.billing.fake_gateway import FakeGateway, install
from tests.billing.selling import a_plug, assert_proven, buy, pay, payment_of

pytestmark = pytest.mark.django_db
ADMIN = Actor("admin", "1", "Nok")
HEAD = "Transaction ID,Charge ID,Amount,Fee,VAT,Net,Transferred At\n"


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    return install(monkeypatch, FakeGateway())


@pytest.fixture
def paid(gateway: FakeGateway) -> Payment:
    """77.00 baht, fee 1.27 and 0.08 VAT on it."""
    return payment_of(pay(gateway, buy(a_plug(), satang=77_00, wh=None)))


def balance(kind: str) -> int:
    return sum(Account.objects.filter(kind=kind).values_list("balance", flat=True))


def row(payment: Payment, ref: str = "trxn_1", fee: str = "1.27", net: str = "75.65") -> str:
    return f"{ref},{payment.gateway_ref},77.00,{fee},0.08,{net},2026-11-20T03:00:00Z\n"


def load(payment: Payment, text: str) -> settlements.Preview:
    return settlements.run(payment.company, "omise", text.encode(), actor=ADMIN)


def test_a_line_moves_its_net_from_the_gateway_to_the_bank_once(paid: Payment) -> None:
    assert balance("gateway_clearing") == 75_65
    found = load(paid, HEAD + row(paid))
    assert (found.net, found.problems, found.differences) == (75_65, (), ())
    again = load(paid, HEAD + row(paid))
    assert (again.fresh, again.net) == ((), 0)
    assert (balance("gateway_clearing"), balance("bank")) == (0, 75_65)
    assert SettlementRow.objects.get().imported_by == "Nok"
    assert AuditEntry.objects.filter(action="import_settlement").count() == 2
    assert_proven()


def test_another_fee_is_told_and_corrected(paid: Payment) -> None:
    found = load(paid, HEAD + row(paid, fee="2.27", net="74.65"))
    assert [x.difference for x in found.lines] == ["fee"]
    paid.refresh_from_db()
    assert (paid.fee, balance("gateway_fee"), balance("gateway_clearing")) == (2_27, 2_27, 0)
    assert_proven()


def test_a_charge_nobody_knows_is_kept_and_posts_nothing(paid: Payment) -> None:
    found = load(paid, HEAD + "trxn_9,chrg_x,10.00,0,0,10.00,20/11/2026\n")
    assert [x.difference for x in found.lines] == ["unknown"]
    assert SettlementRow.objects.get().transfer is None
    assert (balance("bank"), balance("gateway_clearing")) == (0, 75_65)
    assert_proven()


def test_lines_that_cannot_be_read_are_named_and_the_others_posted(paid: Payment) -> None:
    text = (
        HEAD
        + f"t1,{paid.gateway_ref},seventy,0,0,1,2026-11-20\n"
        + f"t2,{paid.gateway_ref},77.00,1.27,0.08,99.00,2026-11-20\n"
        + f"t3,{paid.gateway_ref},77.00,1.27,0.08,75.65,tomorrow\n"
        + "t4,,77.00,1.27,0.08,75.65,2026-11-20\n"
        + f"t5,{paid.gateway_ref},1.005,0,0,1.005,2026-11-20\n"
        + row(paid)
        + row(paid)
    )
    found = load(paid, text)
    assert [x.number for x in found.problems] == [2, 3, 4, 5, 6, 8]
    assert balance("bank") == 75_65


def test_a_preview_writes_nothing_and_excels_semicolons_are_read(paid: Payment) -> None:
    text = (HEAD + row(paid)).replace(",", ";")
    found = settlements.preview(paid.company, "omise", b"\xef\xbb\xbf" + text.encode())
    assert found.net == 75_65
    assert not SettlementRow.objects.exists()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x00\xff\xfe", b"Charge ID,Amount\n"])
def test_what_is_no_settlement_is_refused(paid: Payment, content: bytes) -> None:
    with pytest.raises(settlements.BadFile):
        settlements.preview(paid.company, "omise", content)


def test_a_refund_that_the_gateway_kept_back_is_a_line_of_its_own(
    gateway: FakeGateway,
) -> None:
    bought = pay(gateway, buy(a_plug(), satang=77_00, wh=None))
    selling.stop(selling.start(bought).session, 0)
    paid = payment_of(bought)
    assert paid.refunded == 77_00
    text = HEAD + row(paid) + f"trxn_2,{paid.gateway_ref},-77.00,0,0,-77.00,2026-11-20\n"
    assert load(paid, text).net == -1_35
    assert (balance("gateway_clearing"), balance("bank")) == (0, -1_35)
    assert_proven()


def test_another_companys_charge_is_unknown(gateway: FakeGateway) -> None:
    mine, theirs = (payment_of(pay(gateway, buy(a_plug()))) for _ in range(2))
    found = settlements.preview(mine.company, "omise", (HEAD + row(theirs)).encode())
    assert [x.difference for x in found.lines] == ["unknown"]
