"""A monthly bill to look at."""

from datetime import timedelta

from django.utils import timezone

from billing.models import Statement
from billing.services import bills, statements
from core.audit import SYSTEM
from stations.models import SessionStatus, Station
from tests.factories import a_charger, a_customer, a_session
from users.models import Company


def a_statement(company: Company, station: Station) -> Statement:
    """A postpaid customer's, with one charge on it."""
    customer = a_customer(company, billing_mode="postpaid", credit_limit=100_000)
    plug = a_charger(station).connectors.get(connector_id=1)
    begun = timezone.now() - timedelta(hours=1)
    session = a_session(plug, customer=customer, wh=5_000, started_at=begun)
    session.status = SessionStatus.ENDED
    session.stopped_at = session.stopped_received_at = timezone.now()
    session.energy_wh = 5_000
    session.meter_stop = session.meter_start + 5_000
    session.save()
    bills.bill_session(session)
    return statements.issue(customer, actor=SYSTEM)[0]
