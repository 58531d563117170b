"""Telling people things. A row first, in the transaction that made it true; senders take it from there."""

from collections.abc import Mapping
from typing import Any

from users.messages import texts
from users.models import Customer, Message, MessageStatus


def tell(customer: Customer, kind: str, key: str, payload: Mapping[str, Any]) -> bool:
    """Tell a customer once, in their language; False where ``key`` has been told before.

    ``payload`` is plain JSON: amounts as decimal strings, energy in Wh, times in ISO 8601. No
    channel is configured yet, so the row waits for nobody: it is shown in the product only.
    """
    texts.check(kind)
    if Message.objects.filter(key=key).exists():
        return False
    row = Message(
        company_id=customer.company_id,
        customer=customer,
        key=key,
        kind=kind,
        language=customer.language,
        payload=dict(payload),
        status=MessageStatus.NO_CHANNEL,
        due=None,
    )
    # Two deliverers may hold the same fact at once: the unique key decides, neither fails.
    Message.objects.bulk_create([row], ignore_conflicts=True)
    return True
