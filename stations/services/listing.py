"""What a charger's list of cards should hold, by the cards of its company."""

from django.db.models import Max
from django.utils import timezone

from stations import cardlist
from stations.cardlist import Candidate, Entries
from stations.models import LocalList, Session
from stations.services import gate
from users.models import Card, CardStatus
from users.models.customer import BillingMode


def wanted(row: LocalList) -> tuple[Entries, int]:
    """The entries and how many cards found no room; none at all where the station keeps no lists."""
    station = row.charger.station
    if not station.local_lists:
        return {}, 0
    now = timezone.now()
    cards = candidates(station.company_id, prepaid=station.offline_credit > 0)
    room = row.most_entries
    if room is not None and len(cards) > room:
        cards = _with_last_use(cards, station.company_id)
    return cardlist.wanted(cards, station.offline_credit, now, room)


def candidates(company_id: int, *, prepaid: bool) -> list[Candidate]:
    """The company's cards that have a holder; of prepaid customers only with ``prepaid``."""
    rows = Card.objects.filter(
        company_id=company_id, customer__isnull=False, customer__deleted_at__isnull=True
    )
    if not prepaid:
        rows = rows.filter(customer__billing_mode=BillingMode.POSTPAID)
    found = list(rows.select_related("customer").order_by("key"))
    money = gate.current().spendable({c.customer_id for c in found if c.customer_id})
    return [_candidate(card, money.get(card.customer_id or 0, 0)) for card in found]


def _candidate(card: Card, spendable: int) -> Candidate:
    holder = card.customer
    return Candidate(
        card.id_tag,
        card.parent_id_tag,
        card.expires_at,
        card.status == CardStatus.BLOCKED or holder is None or not holder.enabled,
        holder is None or holder.billing_mode == BillingMode.PREPAID,
        spendable,
    )


def _with_last_use(cards: list[Candidate], company_id: int) -> list[Candidate]:
    """Only where there is too little room: who charged last has priority."""
    tags = [c.id_tag for c in cards]
    used = dict(
        Session.objects.filter(company_id=company_id, card__id_tag__in=tags)
        .order_by()
        .values_list("card__id_tag")
        .annotate(last=Max("started_at"))
    )
    return [
        Candidate(
            c.id_tag,
            c.parent_id_tag,
            c.expires_at,
            c.blocked,
            c.prepaid,
            c.spendable,
            used.get(c.id_tag),
        )
        for c in cards
    ]
