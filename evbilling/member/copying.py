"""All that is kept about one member, as plain JSON (PDPA s.30: access; s.31: portable)."""

from typing import Any

from billing.models import Bill, Payment
from billing.money import to_baht
from evbilling.member import reads
from stations.models import Reservation, Session
from users.models import Customer, Message


def everything(member: Customer) -> dict[str, Any]:
    """Money in baht as text, energy in Wh, times in UTC (ISO 8601)."""
    return {
        "company": member.company.name,
        "member": {
            "name": member.name,
            "phone": member.phone,
            "level": member.level,
            "billing_mode": member.billing_mode,
            "language": member.language,
            "member_since": member.created_at,
            "news_allowed_since": member.marketing_since,
        },
        "cards": list(member.cards.values("id_tag", "status", "created_at", "expires_at")),
        "favourites": list(member.favourites.values("code", "created_at")),
        "notices": list(member.notices.values("version", "language", "accepted_at", "text")),
        "phones": list(
            member.phones.values("device", "address", "created_at", "last_seen_at", "ended_at")
        ),
        "requests": list(member.data_requests.values("kind", "asked_at", "done_at")),
        "charges": [_charge(row) for row in _charges(member)],
        "money": [
            {
                "at": row.transfer.at,
                "kind": row.transfer.kind,
                "account": row.account.kind,
                "baht": str(to_baht(-row.amount)),
                "reason": row.transfer.reason,
            }
            for row in reads.entries(member)
        ],
        "payments": [_payment(row) for row in Payment.objects.filter(customer=member)],
        "reservations": list(
            Reservation.objects.filter(customer=member).values(
                "made_at", "expires_at", "status", "connector__code"
            )
        ),
        "messages": list(
            Message.objects.filter(customer=member).values(
                "kind", "channel", "address", "payload", "created_at", "sent_at"
            )
        ),
    }


def _charges(member: Customer) -> Any:
    return Session.objects.select_related("station", "connector", "bill").filter(customer=member)


def _charge(row: Session) -> dict[str, Any]:
    bill: Bill | None = getattr(row, "bill", None)
    return {
        "number": row.transaction_id,
        "station": row.station.name,
        "plug": row.connector.code,
        "started_at": row.started_at,
        "stopped_at": row.stopped_at,
        "energy_wh": row.energy_wh,
        "baht": str(to_baht(bill.total)) if bill else None,
        "lines": bill.lines if bill else [],
    }


def _payment(row: Payment) -> dict[str, Any]:
    return {
        "reference": row.reference,
        "method": row.method,
        "purpose": row.purpose,
        "baht": str(to_baht(row.amount)),
        "state": row.state,
        "created_at": row.created_at,
        "paid_at": row.paid_at,
    }
