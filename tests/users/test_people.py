"""Rules about admins, customers and cards that hold whoever asks: page, API or shell."""

import pytest

from core.audit import SYSTEM
from core.errors import DomainError
from core.models import AuditEntry
from tests.factories import PASSWORD, a_card, a_company, a_customer, a_station, an_admin
from users import tokens
from users.models import Admin, ApiToken, Card, CardStatus, Customer, Level
from users.services import admins, cards, companies, customers

pytestmark = pytest.mark.django_db
GOOD = "a long and winding road"


def refused(code: str) -> "pytest.RaisesContext[DomainError]":  # type: ignore[name-defined]
    return pytest.raises(DomainError, check=lambda error: error.code == code)


def test_nobody_gives_more_than_they_have() -> None:
    company = a_company()
    manager = an_admin(company, Level.MANAGER)
    with refused("level_too_high"):
        admins.create(
            company, "x", {"level": Level.OWNER, "password": GOOD}, actor=SYSTEM, by=manager
        )
    owner = an_admin(company, Level.OWNER)
    with refused("level_too_high"):
        admins.update(owner, {"name": "Mine now"}, actor=SYSTEM, by=manager)
    made = admins.create(
        company, "x", {"level": Level.MANAGER, "password": GOOD}, actor=SYSTEM, by=manager
    )
    assert made.check_password(GOOD)


def test_a_company_keeps_an_owner_who_can_sign_in() -> None:
    company = a_company()
    owner = an_admin(company, Level.OWNER)
    an_admin(company, Level.OWNER, enabled=False)
    an_admin(a_company(), Level.OWNER)
    for attempt in (
        lambda: admins.disable(owner, actor=SYSTEM),
        lambda: admins.delete(owner, actor=SYSTEM),
        lambda: admins.update(owner, {"level": Level.VIEWER}, actor=SYSTEM),
    ):
        with refused("last_owner"):
            attempt()
    an_admin(company, Level.OWNER)
    admins.disable(owner, actor=SYSTEM)
    assert not Admin.objects.get(pk=owner.pk).is_active


def test_platform_staff_are_made_not_promoted() -> None:
    owner = an_admin(a_company(), Level.OWNER)
    with refused("platform_level"):
        admins.update(owner, {"level": Level.PLATFORM}, actor=SYSTEM)
    staff = admins.create(None, "staff", {"level": Level.PLATFORM, "password": GOOD}, actor=SYSTEM)
    assert staff.company is None


def test_a_deleted_admin_loses_the_tokens_for_good() -> None:
    company = a_company()
    admin = an_admin(company, Level.VIEWER)
    tokens.create(admin)
    admins.delete(admin, actor=SYSTEM)
    assert not Admin.objects.filter(pk=admin.pk).exists()
    admins.restore(Admin.all_objects.get(pk=admin.pk), actor=SYSTEM)
    assert Admin.objects.get(pk=admin.pk).check_password(PASSWORD)
    assert not ApiToken.objects.filter(admin=admin, revoked_at__isnull=True).exists()


def test_an_admin_is_limited_to_stations_of_the_own_company_only() -> None:
    company = a_company()
    admin = an_admin(company, Level.VIEWER)
    with refused("foreign_station"):
        admins.update(admin, {"stations": [a_station()]}, actor=SYSTEM)
    station = a_station(company)
    admins.update(admin, {"stations": [station], "all_stations": False}, actor=SYSTEM)
    assert list(admin.limited_stations.all()) == [station]


def test_everybody_changes_only_harmless_things_of_themselves() -> None:
    admin = an_admin(a_company(), Level.VIEWER)
    admins.update_own(admin, {"name": "New", "level": Level.OWNER}, actor=SYSTEM)
    admin.refresh_from_db()
    assert (admin.name, admin.level) == ("New", Level.VIEWER)


def test_a_change_is_audited_with_old_and_new_and_no_secret() -> None:
    admin = an_admin(a_company(), Level.VIEWER, name="Old")
    admins.update(admin, {"name": "New", "password": GOOD}, actor=SYSTEM)
    entry = AuditEntry.objects.get()
    assert entry.old == {"name": "Old", "password": "***"}
    assert entry.new == {"name": "New", "password": "***"}
    admins.update(admin, {"name": "New"}, actor=SYSTEM)
    assert AuditEntry.objects.count() == 1, "nothing changed, nothing to say"


def test_a_customer_comes_back_from_the_trash_unless_the_number_is_taken() -> None:
    company = a_company()
    customer = customers.create(company, {"name": "A", "phone": "0812345678"}, actor=SYSTEM)
    customers.delete(customer, actor=SYSTEM)
    assert not Customer.objects.exists()
    second = customers.create(company, {"name": "B", "phone": "+66812345678"}, actor=SYSTEM)
    with refused("phone_taken"):
        customers.restore(customer, actor=SYSTEM)
    customers.update(second, {"phone": None}, actor=SYSTEM)
    customers.restore(customer, actor=SYSTEM)
    assert Customer.objects.get(phone="+66812345678").pk == customer.pk


def test_a_card_is_blocked_unblocked_deleted_and_restored() -> None:
    customer = a_customer(a_company())
    card = cards.create(customer.company, "Ab12", {"customer": customer}, actor=SYSTEM)
    assert (card.key, card.id_tag) == ("AB12", "Ab12")
    cards.block(card, actor=SYSTEM)
    assert Card.objects.get().status == CardStatus.BLOCKED
    cards.unblock(card, actor=SYSTEM)
    cards.delete(card, actor=SYSTEM)
    again = cards.create(customer.company, "aB12", {}, actor=SYSTEM)
    with refused("id_tag_taken"):
        cards.restore(card, actor=SYSTEM)
    cards.delete(again, actor=SYSTEM)
    cards.restore(card, actor=SYSTEM)
    actions = AuditEntry.objects.filter(subject=f"card:{card.pk}").order_by("pk")
    assert [a.action for a in actions] == [
        "create_card",
        "edit_card",
        "edit_card",
        "delete_card",
        "restore_card",
    ]


def test_a_card_goes_only_to_its_own_company() -> None:
    card = a_card(a_customer(a_company()))
    with refused("foreign_customer"):
        cards.update(card, {"customer": a_customer(a_company())}, actor=SYSTEM)


def test_companies_and_their_legal_faces_are_entered_once() -> None:
    company = companies.create("acme", {"name": "Acme"}, actor=SYSTEM)
    with refused("slug_taken"):
        companies.create("acme", {"name": "Acme 2"}, actor=SYSTEM)
    companies.update(company, {"name_th": "แอ๊คมี่"}, actor=SYSTEM)
    entity = companies.create_tax_entity(
        company, {"name": "Acme Ltd.", "tax_id": "0105551234567"}, actor=SYSTEM
    )
    with refused("tax_entity_taken"):
        companies.create_tax_entity(
            company, {"name": "Again", "tax_id": "0105551234567"}, actor=SYSTEM
        )
    with refused("bad_branch_code"):
        companies.update_tax_entity(entity, {"branch_code": "12"}, actor=SYSTEM)
