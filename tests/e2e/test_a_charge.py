"""One charge, from plug to paid bill. Read this first: it is the product in sixty lines."""

import pytest

from billing.models import Bill
from billing.services import allowance, bills, ledger, wallets
from core.models import Fact
from stations.models import Session
from tests.factories import a_card, a_charger, a_company, a_customer, a_station
from tests.stack import Stack, eventually
from tests.wire import Point

pytestmark = pytest.mark.wire


def test_a_charge_from_plug_to_paid_bill(live: Stack) -> None:
    # An owner has a station with prices, a charger with a password, a member with a card and money.
    station = a_station(a_company(name="Sukjai Market"))
    charger = a_charger(station)
    member = a_customer(station.company, name="พิมพ์ชนก", balance=500_00)
    card = a_card(member)

    with Point(live.ocpp_url, charger) as point:
        # The charger is switched on. It is answered after what it said is on disk.
        assert point.boot()["status"] == "Accepted"
        point.status("Available")

        # A car is plugged in, the member taps. The tap reserves: the wallet's money is held.
        point.status("Preparing")
        assert point.call("Authorize", {"idTag": card.id_tag})["idTagInfo"]["status"] == "Accepted"
        transaction = point.start(card.id_tag, meter=1_000_000)["transactionId"]
        point.status("Charging")
        session = Session.objects.get(transaction_id=transaction)
        assert wallets.standing(member).available == 0

        # On the phone she chooses ten kilowatt-hours. Only their price stays held.
        allowance.choose(session, wh=10_000, satang=None)
        assert wallets.standing(member).available > 400_00

        # Readings come in; each is stored before it is answered.
        for register in (1_002_500, 1_005_000, 1_009_990):
            point.meter(transaction, register, Power_Active_Import=22_000)

        # At ten kilowatt-hours the charger is told to stop, and not before.
        assert "RemoteStopTransaction" not in [action for action, _ in point.heard]
        point.meter(transaction, 1_010_000, Power_Active_Import=22_000)
        assert point.expect("RemoteStopTransaction") == {"transactionId": transaction}
        point.stop(transaction, 1_010_040, reason="Remote")
        point.status("Finishing")

    # The fact travels to billing; the bill is made once and can be made again, years later.
    bill = eventually(lambda: Bill.objects.filter(session=session).first())
    assert (bill.wh, bill.unbilled_wh) == (10_000, 40)  # the overshoot is the owner's
    assert bill.payment_status == "paid"
    assert bills.recompute(bill).total == bill.total

    # The rest of the hold is free again, every satang is accounted for, the timeline tells it all.
    assert wallets.standing(member).available == 500_00 - bill.total
    assert not any(ledger.prove().values())
    told = Fact.objects.filter(topic=f"charger:{charger.pk}").values_list("kind", flat=True)
    assert {"charger_booted", "session_started", "session_ended", "session_billed"} <= set(told)
