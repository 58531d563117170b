"""Members who serve themselves: signed-in phones, joining a company, what they were told, their wishes."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError, NotFound
from users.models import (
    Card,
    CardStatus,
    Company,
    Customer,
    DataRequest,
    DataRequestKind,
    Favourite,
    MemberSession,
    NoticeAcceptance,
)
from users.services import cards, customers, phones
from users.services.codes import digest

SESSION_LASTS = timedelta(days=90)  # since it was last used
SEEN_EVERY = timedelta(hours=1)
MOST_FAVOURITES = 20
LONGEST_NAME = 80
ANSWER_WITHIN = {  # PDPA s.30 and the PDPC notice on s.33 (in force 11 Nov 2567)
    DataRequestKind.COPY: timedelta(days=30),
    DataRequestKind.ERASURE: timedelta(days=90),
}


class Closed(DomainError):
    code = "member_closed"
    status = 403
    message = _("This account is closed. Ask the station's office.")


class NotOpenToAll(DomainError):
    code = "no_registration"
    status = 403
    message = _("New members are entered by the station's office. Ask there.")


class BadName(DomainError):
    code = "bad_name"
    message = _("A name has 1 to 80 letters.")


class TooManyFavourites(Conflict):
    code = "too_many_favourites"
    message = _("You have 20 favourites already. Take one away first.")


@dataclass(frozen=True, slots=True)
class Notice:
    """What a member was shown before we kept anything about them."""

    version: str
    language: str
    text: str


# --- who -------------------------------------------------------------------------------------------


def of_phone(phone: str, company: Company | None = None) -> list[Customer]:
    """The memberships of a number that may be used, in one company or in all."""
    found = Customer.objects.select_related("company").filter(phone=phone, enabled=True)
    return list(found.filter(company=company) if company else found)


def may_get_code(phone: str, company: Company | None) -> bool:
    """Whether a message to this number makes sense: somebody's, or somebody may join by it."""
    known = Customer.all_objects.filter(phone=phone)
    if company is None:
        return known.exists()
    return company.self_registration or known.filter(company=company).exists()


def join(company: Company, phone: str, notice: Notice, *, actor: audit.Actor) -> Customer:
    """The member with this proven number, made now where there is none. ``Closed``, ``NotOpenToAll``."""
    with transaction.atomic():
        found = member_at(company, phone)
        if found is None:
            if not company.self_registration:
                raise NotOpenToAll
            try:
                found = customers.create(
                    company,
                    {"name": phones.national(phone), "phone": phone, "language": notice.language},
                    actor=actor,
                )
            except customers.PhoneTaken:  # the same wish on another phone was a moment quicker
                found = Customer.objects.get(company=company, phone=phone)
        accept(found, notice)
    return found


def member_at(company: Company, phone: str) -> Customer | None:
    """The member with this number. ``Closed`` where the office has ended the membership."""
    rows = Customer.all_objects.select_related("company").filter(company=company, phone=phone)
    live = next((row for row in rows if row.deleted_at is None), None)
    if (live is None and rows) or (live is not None and not live.enabled):
        raise Closed
    return live


def accept(customer: Customer, notice: Notice) -> None:
    """Keep what was shown, when, once for each version."""
    NoticeAcceptance.objects.bulk_create(
        [
            NoticeAcceptance(
                customer=customer,
                version=notice.version,
                language=notice.language,
                text=notice.text,
            )
        ],
        ignore_conflicts=True,
    )


def has_accepted(customer: Customer, version: str) -> bool:
    return NoticeAcceptance.objects.filter(customer=customer, version=version).exists()


# --- signed-in phones ------------------------------------------------------------------------------


def sign_in(
    members: Iterable[Customer], *, before: str = "", device: str = "", address: str | None = None
) -> str:
    """A new cookie for this phone, good for these memberships and for others it had ``before``."""
    token, now = secrets.token_urlsafe(32), timezone.now()
    chosen = list(members)
    with transaction.atomic():
        if before:
            old = MemberSession.objects.filter(digest=digest(before), ended_at__isnull=True)
            old.filter(customer__company__in=[m.company_id for m in chosen]).update(ended_at=now)
            old.filter(ended_at__isnull=True).update(digest=digest(token))
        for member in chosen:
            MemberSession.objects.create(
                digest=digest(token),
                customer=member,
                device=device[:80],
                address=address,
                expires_at=now + SESSION_LASTS,
            )
            audit.record(
                _self(member, address),
                "member_sign_in",
                f"customer:{member.pk}",
                company_id=member.company_id,
                new={"device": device[:80]},
            )
    return token


def signed_in(token: str) -> Sequence[MemberSession]:
    """The memberships that a cookie stands for now; each use moves the end on."""
    now = timezone.now()
    rows = list(
        MemberSession.objects.select_related("customer__company")
        .filter(
            digest=digest(token),
            ended_at__isnull=True,
            expires_at__gt=now,
            customer__enabled=True,
            customer__deleted_at__isnull=True,
        )
        .order_by("customer__company__sort_key", "pk")
    )
    old = [row.pk for row in rows if now - row.last_seen_at > SEEN_EVERY]
    if old:
        MemberSession.objects.filter(pk__in=old).update(
            last_seen_at=now, expires_at=now + SESSION_LASTS
        )
    return rows


def phones_of(customer: Customer) -> Sequence[MemberSession]:
    """Where the member is signed in."""
    now = timezone.now()
    return list(customer.phones.filter(ended_at__isnull=True, expires_at__gt=now))


def sign_out(token: str) -> None:
    """This phone, of all companies."""
    rows = MemberSession.objects.filter(digest=digest(token), ended_at__isnull=True)
    rows.update(ended_at=timezone.now())


def sign_out_phone(customer: Customer, pk: int) -> None:
    """One of the member's phones. ``NotFound`` for anybody else's."""
    rows = customer.phones.filter(pk=pk, ended_at__isnull=True)
    if not rows.update(ended_at=timezone.now()):
        raise NotFound


def sign_out_everywhere(customer: Customer, *, but: str = "") -> int:
    """Every phone of the member, but the one with this cookie; how many."""
    rows = customer.phones.filter(ended_at__isnull=True)
    return rows.exclude(digest=digest(but)).update(ended_at=timezone.now())


def forget_phones_before(limit: datetime) -> int:
    """Delete sign-ins that ended or lapsed before ``limit``."""
    ended = MemberSession.objects.filter(ended_at__lt=limit)
    lapsed = MemberSession.objects.filter(expires_at__lt=limit)
    return (ended | lapsed).delete()[0]


# --- the member's own things -----------------------------------------------------------------------


def rename(customer: Customer, name: str, language: str) -> None:
    """``BadName``."""
    name = " ".join("".join(c for c in name if c.isprintable()).split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise BadName(field="name")
    known = {"th", "en"}
    fields: customers.CustomerFields = {"name": name}
    if language in known:
        fields["language"] = language
    customers.update(customer, fields, actor=_self(customer))


def change_number(customer: Customer, phone: str, *, keep: str) -> None:
    """A number proven on the old and the new phone. Every other phone is signed out. ``PhoneTaken``."""
    customers.update(customer, {"phone": phone}, actor=_self(customer), keep=digest(keep))


def allow_marketing(customer: Customer, wanted: bool) -> None:
    """News and offers: off until asked for, and off again at any time."""
    since = timezone.now() if wanted else None
    Customer.objects.filter(pk=customer.pk).update(marketing_since=since)
    audit.record(
        _self(customer),
        "marketing_consent",
        f"customer:{customer.pk}",
        company_id=customer.company_id,
        new={"wanted": wanted},
    )


def block_card(customer: Customer, pk: int) -> Card:
    """A lost card says no from now. Only the office lets it say yes again. ``NotFound``."""
    card = Card.objects.filter(customer=customer, pk=pk).first()
    if card is None:
        raise NotFound
    if card.status == CardStatus.BLOCKED:
        return card
    return cards.block(card, actor=_self(customer))


def star(customer: Customer, code: str, wanted: bool) -> None:
    """A plug among the favourites, or no longer. ``TooManyFavourites``."""
    if not wanted:
        Favourite.objects.filter(customer=customer, code=code).delete()
        return
    mine = Favourite.objects.filter(customer=customer)
    if not mine.filter(code=code).exists() and mine.count() >= MOST_FAVOURITES:
        raise TooManyFavourites
    Favourite.objects.bulk_create([Favourite(customer=customer, code=code)], ignore_conflicts=True)


def ask_for(customer: Customer, kind: DataRequestKind, *, done: bool = False) -> DataRequest:
    """Put a wish about the member's data on record; one open wish of a kind at a time."""
    now = timezone.now()
    open_one = DataRequest.objects.filter(customer=customer, kind=kind, done_at__isnull=True)
    if (before := open_one.first()) is not None:
        return before
    with transaction.atomic():
        made = DataRequest.objects.create(
            company_id=customer.company_id,
            customer=customer,
            kind=kind,
            asked_at=now,
            due_at=now + ANSWER_WITHIN[kind],
            done_at=now if done else None,
            done_by="system" if done else "",
        )
        audit.record(
            _self(customer),
            f"ask_{kind}",
            f"customer:{customer.pk}",
            company_id=customer.company_id,
        )
    return made


def take_back(customer: Customer, kind: DataRequestKind) -> None:
    """The member does not want it any more."""
    rows = DataRequest.objects.filter(customer=customer, kind=kind, done_at__isnull=True)
    rows.update(done_at=timezone.now(), done_by="member")


def _self(customer: Customer, address: str | None = None) -> audit.Actor:
    return audit.Actor("customer", str(customer.pk), customer.name, address)
