"""Whose LINE account belongs to whom: linking, unlinking, and what LINE's own events change.

A LINE user id is believed only from LINE itself: an id token that LINE has verified, or a webhook
whose signature holds. Never from a browser.
"""

import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.audit import Actor
from core.errors import Conflict
from users.models import Customer, LineGuest, LineLink, LineNonce, LinkedBy, Message
from users.models.line import NONCE_LASTS

GUEST_DAYS = 30  # a receipt's link is asked for again within days, not months
MOST_GUESTS = 5  # phones that may follow one charge


class TooManyGuests(Conflict):
    code = "line_too_many"
    message = _("Several people already get messages about this charge.")


def link(
    customer: Customer, line_user_id: str, *, friend: bool, by: LinkedBy, actor: Actor
) -> LineLink:
    """Bind the account to the member. It leaves whoever of the company had it: its owner proved both."""
    with transaction.atomic():
        Customer.objects.select_for_update().get(pk=customer.pk)
        others = LineLink.objects.filter(company_id=customer.company_id, line_user_id=line_user_id)
        others.exclude(customer=customer).delete()
        made, _created = LineLink.objects.update_or_create(
            customer=customer,
            defaults={
                "company_id": customer.company_id,
                "line_user_id": line_user_id,
                "friend": friend,
                "linked_by": by,
                "linked_at": timezone.now(),
            },
        )
        audit.record(
            actor,
            "link_line",
            f"customer:{customer.pk}",
            company_id=customer.company_id,
            new={"by": by, "friend": friend},
        )
    return made


def unlink(customer: Customer, actor: Actor) -> bool:
    """Forget the member's LINE account; False where there was none."""
    with transaction.atomic():
        count, _rows = LineLink.objects.filter(customer=customer).delete()
        if count:
            audit.record(
                actor, "unlink_line", f"customer:{customer.pk}", company_id=customer.company_id
            )
    return bool(count)


def follow_charge(
    company_id: int, subject: str, line_user_id: str, *, language: str, friend: bool
) -> LineGuest:
    """A guest wants to hear of one charge. Publishes ``line_guest_ready`` once we may write to them."""
    with transaction.atomic():
        known = LineGuest.objects.filter(subject=subject)
        if known.exclude(line_user_id=line_user_id).count() >= MOST_GUESTS:
            raise TooManyGuests
        guest, _created = LineGuest.objects.update_or_create(
            subject=subject,
            line_user_id=line_user_id,
            defaults={"company_id": company_id, "language": language, "friend": friend},
        )
        if friend:
            _ready(guest)
    return guest


def befriended(line_user_id: str) -> None:
    """They follow the official account: what waited for that may be told now."""
    with transaction.atomic():
        LineLink.objects.filter(line_user_id=line_user_id).update(friend=True)
        waiting = LineGuest.objects.select_for_update().filter(
            line_user_id=line_user_id, friend=False
        )
        for guest in waiting:
            guest.friend = True
            guest.save(update_fields=["friend"])
            _ready(guest)


def blocked(line_user_id: str) -> None:
    """They blocked the official account: their links go, on our side too."""
    with transaction.atomic():
        for each in LineLink.objects.filter(line_user_id=line_user_id).select_related("customer"):
            unlink(each.customer, Actor("line", name="LINE"))
        LineGuest.objects.filter(line_user_id=line_user_id).delete()


def offer_nonce(customer: Customer) -> str:
    """A nonce (256 bit) that LINE carries back to us once the member agrees in the chat."""
    return LineNonce.objects.create(customer=customer, nonce=secrets.token_urlsafe(32)).nonce


def link_by_nonce(nonce: str, line_user_id: str) -> LineLink | None:
    """The chat's way: ``nonce`` is ours, fresh and not used before, or nothing happens."""
    with transaction.atomic():
        row = (
            LineNonce.objects.select_for_update(of=("self",))
            .select_related("customer")
            .filter(nonce=nonce, used_at=None, created_at__gt=timezone.now() - 2 * NONCE_LASTS)
            .first()
        )
        if row is None:
            return None
        LineNonce.objects.filter(pk=row.pk).update(used_at=timezone.now())
        member = row.customer
        who = Actor("customer", str(member.pk), member.name)
        return link(member, line_user_id, friend=True, by=LinkedBy.ACCOUNT_LINK, actor=who)


def forget_old() -> int:
    """Guests after ``GUEST_DAYS`` (unless something is still on its way), used and stale nonces."""
    now = timezone.now()
    queued = Message.objects.filter(
        due__isnull=False, company=OuterRef("company"), address=OuterRef("line_user_id")
    )
    guests = LineGuest.objects.filter(created_at__lt=now - timedelta(days=GUEST_DAYS))
    count, _rows = guests.filter(~Exists(queued)).delete()
    LineNonce.objects.filter(created_at__lt=now - timedelta(days=1)).delete()
    return count


def _ready(guest: LineGuest) -> None:
    outbox.publish("line_guest_ready", guest.pk, company_id=guest.company_id)
