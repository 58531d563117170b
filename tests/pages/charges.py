"""Charges that have ended and been billed, for the pages that show them."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from billing.models import Bill
from billing.services.bills import bill_session
from evbilling.backoffice.moments import LOCAL
from stations.clock import Claim, Clock
from stations.models import Connector, MeterValue, Session, SessionLive
from stations.services import stopping
from users.models import Customer

# A Wednesday without a holiday, so that 22:00 is a border between On-Peak and Off-Peak.
EVENING = datetime(2026, 11, 18, 21, 20, tzinfo=LOCAL)
METER_START = 10_000
_numbers = itertools.count(700_001)


def a_bare_session(connector: Connector, started_at: datetime, **fields: Any) -> Session:
    """A charge without readings: quick to make, for long lists."""
    charger, n = connector.charger, next(_numbers)
    session = Session.objects.create(
        company_id=charger.station.company_id,
        station=charger.station,
        charger=charger,
        connector=connector,
        transaction_id=n,
        start_key=f"bare-{n}",
        started_at=started_at,
        started_received_at=started_at,
        meter_start=METER_START,
        **fields,
    )
    SessionLive.objects.create(session=session, at=started_at, received_at=started_at)
    return session


def an_ended_charge(
    connector: Connector,
    customer: Customer | None,
    *,
    started_at: datetime = EVENING,
    minutes: int = 55,
    wh: int = 32_000,
    offset_s: int = 37,
    **fields: Any,
) -> Session:
    """A charge of even power, read every minute at ``offset_s``, ended by its StopTransaction."""
    level = customer.level if customer else "guest"
    session = a_bare_session(connector, started_at, customer=customer, level=level, **fields)
    length = timedelta(minutes=minutes)
    moments = [started_at + timedelta(minutes=n, seconds=offset_s) for n in range(minutes)]
    MeterValue.objects.bulk_create(
        MeterValue(
            connector=connector,
            session=session,
            at=at,
            device_at=at,
            received_at=at,
            register_wh=METER_START + int(wh * (at - started_at) / length),
            power_w=wh * 60 // minutes,
            samples=[],
        )
        for at in moments
    )
    end = started_at + length
    claim, register = Claim(end, end, Clock.DEVICE), METER_START + wh
    stop = stopping.Stop(session.transaction_id, register, end.isoformat(), claim, end)
    stopping.stop_session(session.charger_id, stop)
    return Session.objects.get(pk=session.pk)


def a_billed_charge(connector: Connector, customer: Customer, **fields: Any) -> Bill:
    """The same with its bill."""
    session = an_ended_charge(connector, customer, **fields)
    with transaction.atomic():
        bill = bill_session(session)
    assert bill is not None
    return bill
