"""A customer tops up the wallet: arrears are paid first."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Payment, PaymentPurpose
from billing.money import to_baht
from billing.payments.base import Method
from billing.services import gateways, payments
from billing.services.gateways import Offered
from billing.services.wallets import BadAmount
from users.models import Customer, TaxEntity

MOST = 100_000_00  # satang at once
PAY_WITHIN = timedelta(minutes=15)


def ways(customer: Customer, satang: int | None = None) -> tuple[Offered, ...]:
    """How this customer can top up: by the first legal entity of the company that can be paid."""
    for entity in [*customer.company.tax_entities.order_by("pk"), None]:
        if found := gateways.offered(entity, satang):
            return found
    return ()


def entity_of(customer: Customer) -> TaxEntity | None:
    """Whose account it is paid into."""
    for entity in customer.company.tax_entities.order_by("pk"):
        if gateways.offered(entity):
            return entity
    return None


def begin(
    customer: Customer,
    satang: int,
    method: Method,
    *,
    source: str = "",
    visitor: str = "",
    back_to: str = "",
) -> Payment:
    """The row of a top-up; commits. Then ``payments.send``. ``BadAmount`` where no gateway takes it."""
    if not 0 < satang <= MOST:
        raise BadAmount(field="amount")
    entity = entity_of(customer)
    way = next((o for o in gateways.offered(entity) if o.method == method), None)
    if way is None:
        raise BadAmount(
            _("Nothing can be paid this way here."), field="method", code="method_not_offered"
        )
    if not way.capability.takes(satang):
        raise BadAmount(
            _("Enter between %(least)s and %(most)s baht."),
            field="amount",
            least=f"{to_baht(way.capability.least):,.2f}",
            most=f"{to_baht(min(way.capability.most, MOST)):,.2f}",
        )
    if source and source not in way.capability.sources:
        raise BadAmount(_("This bank is not offered."), field="source", code="bad_source")
    with transaction.atomic():
        return payments.open_payment(
            payments.NewPayment(
                company=customer.company,
                purpose=PaymentPurpose.TOP_UP,
                method=method,
                gateway=way.gateway,
                amount=satang,
                expires_at=timezone.now() + min(way.capability.expires, PAY_WITHIN),
                tax_entity=entity,
                account=way.account,
                customer=customer,
                source=source,
                visitor=visitor,
                back_to=back_to,
                prefix="TOPUP",
            )
        )
