"""One of everything that an address of the API can name."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from billing.models import Account
from billing.services import bills, documents
from stations.models import (
    Case,
    CaseKind,
    ChargerCertificate,
    Commissioning,
    ConfigurationTemplate,
    Knock,
    SecurityEvent,
    Session,
    SessionStatus,
)
from stations.services.commands import request_many
from tests.factories import (
    a_card,
    a_charger,
    a_customer,
    a_forward,
    a_reservation,
    a_session,
    a_station,
    a_tax_entity,
    an_admin,
)
from tests.files.world import a_campaign, a_sent_file, an_image
from tests.meaoscp.runs import an_acceptance_run
from tests.pages.paid import a_payment, a_refund
from users import tokens
from users.models import Company


@dataclass
class World:
    """``names`` are the parts of addresses by the name of their pattern."""

    company: Company
    names: dict[str, dict[str, Any]]


def a_world(company: Company) -> World:
    station = a_station(company)
    charger = a_charger(station, connectors=2)
    customer = a_customer(company, balance=50_000)
    card = a_card(customer)
    running = a_session(charger.connectors.get(connector_id=1), customer=customer, wh=4_000)
    ended = a_session(charger.connectors.get(connector_id=2), customer=customer, wh=7_000)
    end(ended)
    bills.bill_session(ended)
    invoice = documents.issue_for_session(ended)
    assert invoice is not None
    case = Case.objects.create(charger=charger, kind=CaseKind.NO_STOP, key=f"walk-{charger.pk}")
    sent = a_sent_file(charger)
    a_forward(charger)
    admin = an_admin(company, "viewer")
    tokens.create(admin)
    template = ConfigurationTemplate.objects.create(company=company, name="T", keys={"a": "1"})
    Commissioning.objects.create(charger=charger, reason="first", state="done")
    Knock.objects.create(charge_point_id=f"K-{charger.pk}", reason="unknown")
    at = {"charge_point_id": charger.charge_point_id}
    paper = ChargerCertificate.objects.create(charger=charger, csr="", fingerprint=f"f{charger.pk}")
    SecurityEvent.objects.create(charger=charger, type="ResetOrReboot", critical=True)
    tested = a_charger(station)
    tests_of = {"charge_point_id": tested.charge_point_id}
    run = {**tests_of, "pk": an_acceptance_run(tested).pk}
    payment = a_payment(company)
    a_refund(payment, 1_000, done=False)
    names: dict[str, dict[str, Any]] = {
        "api-payment": {"pk": payment.pk},
        "api-ledger-entries": {"pk": Account.objects.filter(company=company).latest("pk").pk},
        "api-token": {"pk": admin.tokens.get().pk},
        "api-company": {"slug": company.slug},
        "api-tax-entity": {"pk": a_tax_entity(company).pk},
        "api-admin": {"pk": admin.pk},
        "api-customer": {"pk": customer.pk},
        "api-top-up": {"pk": customer.pk},
        "api-withdraw": {"pk": customer.pk},
        "api-card": {"id_tag": card.id_tag},
        "api-station": {"pk": station.pk},
        "api-charger": at,
        "api-connector": {**at, "connector_id": 1},
        "api-commands": at,
        "api-acceptance-runs": tests_of,
        "api-acceptance-run": run,
        "api-acceptance-decision": run,
        "api-acceptance-paper": run,
        "api-doctor": at,
        "api-command": {**at, "action": "Reset"},
        "api-forward": at,
        "api-forward-try": at,
        "api-messages": at,
        "api-security": at,
        "api-security-upgrade": at,
        "api-security-events": at,
        "api-password": at,
        "api-certificates": at,
        "api-certificate-ask": at,
        "api-certificate-revoke": {**at, "pk": paper.pk},
        "api-certificate-approve": {**at, "pk": paper.pk},
        "api-certificate-reject": {**at, "pk": paper.pk},
        "api-transfers": at,
        "api-transfer": {"pk": sent.transfer_id},
        "api-upload-file": {"pk": sent.pk},
        "api-firmware-detail": {"pk": an_image(company).pk},
        "api-bulk": {"action": "ClearCache"},
        "api-batch": {"batch": request_many([charger.pk], "ClearCache", {}, by="x")[0]},
        **_of_a_campaign(a_campaign([charger]).pk),
        "api-charger-local-list": at,
        "api-reservation": {"pk": a_reservation(charger.connectors.get(connector_id=2), card).pk},
        "api-messages-export": at,
        "api-session": {"pk": ended.pk},
        "api-session-stop": {"pk": running.pk},
        "api-session-bill": {"pk": ended.pk},
        "api-tariffs-in-force": {"station": station.pk},
        "api-tariff": {"pk": station.tariffs.get().pk},
        "api-charger-configuration": at,
        "api-charger-put-right": at,
        "api-charger-commissioning": at,
        "api-configuration-template": {"pk": template.pk},
        "api-invoice": {"pk": invoice.pk},
        "api-invoice-pdf": {"pk": invoice.pk},
        "api-case": {"pk": case.pk},
        "api-case-resolve": {"pk": case.pk},
    }
    return World(company, names)


def _of_a_campaign(pk: int) -> dict[str, dict[str, Any]]:
    parts = ("", "-chargers", "-pause", "-resume", "-cancel")
    return {f"api-campaign{part}": {"pk": pk} for part in parts}


def end(session: Session) -> Session:
    """As if the charger had said so just now."""
    session.status = SessionStatus.ENDED
    session.stopped_at = session.stopped_received_at = timezone.now()
    session.energy_wh = session.live.energy_wh
    session.meter_stop = session.meter_start + session.live.energy_wh
    session.stop_reason = "Local"
    session.save()
    return session
