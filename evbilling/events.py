"""The whole flow on one screen: which fact wakes which handlers.

Facts are published with ``core.outbox.publish`` by the app that makes them true; handlers run in
``manage.py deliver``, each in one transaction with its done-mark. A handler locks its subject and
reads it again: order between facts is not promised. An empty row is a fact that only nudges live
pages.
"""

from core import outbox

EVENT_HANDLERS: dict[str, tuple[str, ...]] = {
    # stations
    "charger_online": (),
    "charger_offline": (),
    "charger_booted": (),
    "chargers_booted": ("stations.services.arrivals.on_chargers_booted",),
    "security_event": (),
    "certificate_requested": (),
    "certificate_due": ("stations.services.certificates.on_certificate_due",),
    "certificate_answered": (),
    "upgrade_due": ("stations.services.upgrades.on_upgrade_due",),
    "upgrade_moved": (),
    "charger_progress": (),
    "transfer_changed": ("stations.services.campaigns.on_transfer_changed",),
    "campaign_changed": (),
    "charger_switched": (),
    "charger_commissioned": (),
    "commissioning_due": ("stations.services.commissioning.on_due",),
    "station_switched": (),
    "connector_changed": ("billing.services.stays.on_connector_changed",),
    "card_tapped": (),
    "plugged_in": ("evbilling.selling.on_plugged_in",),
    "session_started": (
        "billing.services.allowance.on_session_started",
        "billing.services.purchases.on_session_started",
        "billing.services.stays.on_session_started",
    ),
    "session_ended": ("billing.services.bills.on_session_ended",),
    "command_finished": ("stations.services.outcomes.on_command_finished",),
    "case_opened": (),
    "reservation_changed": ("billing.services.reservation_fees.on_reservation_changed",),
    # users
    "card_changed": ("stations.services.local_lists.on_people_changed",),
    "customer_changed": ("stations.services.local_lists.on_people_changed",),
    "line_guest_ready": ("evbilling.telling.on_line_guest_ready",),
    # billing
    "allowance_due": ("billing.services.allowance.on_allowance_due",),
    "authorisation_lapsed": (
        "billing.services.allowance.on_authorisation_lapsed",
        "stations.services.authorisations.on_lapsed",
    ),
    "stay_changed": (),
    "grace_due": ("billing.services.stays.on_grace_due",),
    "stay_due": ("billing.services.stays.on_stay_due",),
    "stay_ended": ("billing.services.bills.on_session_ended",),
    "session_billed": (
        "billing.services.documents.on_session_billed",
        "evbilling.telling.on_session_billed",
    ),
    "bill_paid": (
        "billing.services.documents.on_bill_paid",
        "billing.services.statements.on_bill_paid",
        "billing.services.statement_documents.on_bill_paid",
    ),
    "fee_paid": (
        "billing.services.statements.on_bill_paid",
        "billing.services.statement_documents.on_fee_paid",
    ),
    "grace_ending": ("evbilling.telling.on_grace_ending",),
    "statement_issued": ("evbilling.telling_bills.on_statement_issued",),
    "statement_reminder": ("evbilling.telling_bills.on_statement_reminder",),
    "statement_changed": (),
    "invoice_issued": (),
    "invoice_changed": (),
    "wallet_changed": ("billing.services.allowance.on_wallet_changed",),
    "payment_changed": ("evbilling.selling.on_payment_changed",),
    "purchase_changed": (),
    "purchase_due": ("billing.services.purchases.on_purchase_due",),
    "paid_start_due": ("evbilling.selling.on_start_due",),
    "refund_changed": ("evbilling.telling_refunds.on_refund_changed",),
    "refund_reminder": ("billing.services.refunds.on_reminder_due",),
}

# Orders that a part of the product gave: the first word of the order's key -> who takes the outcome.
COMMAND_OUTCOMES: dict[str, str] = {
    "paid_start": "evbilling.selling.on_outcome",
    "start_leave": "stations.services.authorisations.on_outcome",
    "password": "stations.services.passwords.on_outcome",
    "certificate": "stations.services.certificates.on_outcome",
    "roots": "stations.services.roots.on_outcome",
    "upgrade": "stations.services.upgrades.on_outcome",
    "transfer": "stations.services.transfers.on_outcome",
    "campaign": "stations.services.campaigns.on_outcome",
    "reserve": "stations.services.reservations.on_reserve_answer",
    "unreserve": "stations.services.reservations.on_withdraw_answer",
    "local_list": "stations.services.local_lists.on_answer",
    "commission": "stations.services.commissioning.on_outcome",
    "configuration": "stations.services.configuration.on_outcome",
    "acceptance": "meaoscp.services.acceptance.on_outcome",
    "limit": "stations.services.limits.on_outcome",
}


def wire() -> None:
    """Give the outbox its table and the stations their gatekeeper (design: allow() reserves)."""
    from billing.services.allowance import BillingGate
    from stations.services import gate, outcomes

    outbox.wire(EVENT_HANDLERS)
    outcomes.wire(COMMAND_OUTCOMES)
    gate.install(BillingGate())
