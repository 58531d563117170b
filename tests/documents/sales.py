"""Charges that were paid, and their documents."""

from datetime import datetime, timedelta
from typing import Any

from billing.models import Bill, Payment, Purchase, TaxDocument
from billing.services import documents
from billing.services.buyers import Buyer
from core import outbox
from core.models import Delivery
from evbilling.backoffice.moments import LOCAL
from stations.models import Authorisation, Connector
from tests.factories import a_charger, a_customer, a_station, a_tariff, a_tax_entity
from tests.pages.charges import a_billed_charge
from users import tax_ids
from users.models import Company, TaxEntity

# A Wednesday before 22:00, so that all of a charge is On-Peak at 7.70.
EVENING = datetime(2026, 11, 18, 20, 0, tzinfo=LOCAL)
MARKET = {
    "name": "บริษัท สุขใจ มาร์เก็ต จำกัด",
    "name_en": "Sukjai Market Co., Ltd.",
    "branch_code": "00001",
    "house_number": "99/1",
    "street": "ถนนเทพรัตน",
    "subdistrict": "บางนาเหนือ",
    "district": "บางนา",
    "province": "กรุงเทพมหานคร",
    "postcode": "10260",
    "phone": "02-123-4567",
    "email": "account@sukjai.example",
}
ACME = Buyer(
    name="บริษัท ผู้ซื้อ ปิ่นทอง จำกัด",
    address="12 หมู่ 3 ตำบลน้ำรึม อำเภอเมืองตาก จังหวัดตาก",
    tax_id="0-1075-44000-10-8",
    postcode="63000",
    plate="1กข 2345 กรุงเทพมหานคร",
)
SOMCHAI = Buyer(name="สมชาย ใจดี", address="1 ถนนพหลโยธิน กรุงเทพฯ 10400", is_company=False)


def a_market(company: Company | None = None, **fields: Any) -> TaxEntity:
    """An issuer in Bangkok with every part of its address."""
    from tests.factories import a_company

    twelve = "010555123456"
    tax_id = twelve + str(tax_ids.check_digit(twelve))
    return a_tax_entity(company or a_company(), **{**MARKET, "tax_id": tax_id} | fields)


def a_plug(entity: TaxEntity | None = None) -> Connector:
    entity = entity or a_market()
    station = a_station(entity.company, tax_entity=entity, name_th="ตลาดสุขใจ บางนา", priced=False)
    a_tariff(station, valid_from=datetime(2020, 1, 1, tzinfo=LOCAL))
    return a_charger(station).connectors.get()


def a_paid_charge(plug: Connector | None = None, *, wh: int = 20_000, **fields: Any) -> Bill:
    """20 kWh at 7.70 = 154.00, paid from a wallet; the fact is delivered or not, as the test says."""
    plug = plug or a_plug()
    customer = fields.pop("customer", None) or a_customer(
        plug.charger.station.company, balance=100_000_00
    )
    return a_billed_charge(plug, customer, **{"started_at": EVENING, "wh": wh} | fields)


def a_document(plug: Connector | None = None, **fields: Any) -> TaxDocument:
    made = documents.issue_for_session(a_paid_charge(plug, **fields).session)
    assert made is not None
    return made


def bought(bill: Bill, paid_at: datetime, *, hold: bool = False) -> Payment:
    """As if a guest had paid for this charge at the plug before it began."""
    session = bill.session
    payment = Payment.objects.create(
        company=bill.company,
        tax_entity=bill.tax_entity,
        reference=f"P{bill.pk}",
        gateway="omise",
        method="card" if hold else "promptpay",
        purpose="charge",
        amount=bill.total,
        hold=hold,
        state="paid",
        captured=bill.total,
        expires_at=paid_at,
        paid_at=paid_at,
    )
    leave = Authorisation.objects.create(
        connector=session.connector,
        id_tag=f"G{bill.pk}",
        expires_at=paid_at + timedelta(hours=1),
        session=session,
    )
    assert bill.tariff is not None
    Purchase.objects.create(
        company=bill.company,
        station=session.station,
        connector=session.connector,
        visitor="v",
        id_tag=f"G{bill.pk}",
        tariff=bill.tariff,
        tariff_value=bill.tariff_value,
        max_wh=20_000,
        amount=bill.total,
        payment=payment,
        leave=leave,
        state="done",
        valid_until=paid_at,
    )
    return payment


def deliver() -> None:
    """Let every fact that is due have its effect."""
    while outbox.deliver_one():
        pass
    assert not Delivery.objects.filter(attempts__gt=0).exists(), list(
        Delivery.objects.values_list("error")
    )
