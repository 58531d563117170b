"""The page that explains one charge: the same for the phone, the office and paper."""

from typing import Any

from billing.models import Bill
from evbilling import explained
from stations.models import Session


def context(session: Session, *, back_url: str, back_word: str, office: bool) -> dict[str, Any]:
    """What ``explained.html`` shows. No name and no balance: who has the link may pass it on."""
    bill = Bill.objects.select_related("tariff", "tax_entity").filter(session=session).first()
    story = explained.story(session, bill, office=office)
    return {
        "story": story,
        "money_sum": explained.sum_word(story.way),
        "number": f"#{session.transaction_id}",
        "place": f"{session.charger.charge_point_id}/{session.connector.connector_id}",
        "back_url": back_url,
        "back_word": back_word,
    }
