"""Reads of people: everything an admin may see, by ``users.access.scope``."""

from django.db.models import QuerySet

from users.access import scope
from users.models import Admin, ApiToken, Card, Company, Customer, TaxEntity


def companies(admin: Admin) -> QuerySet[Company]:
    """The admin's own company; all of them for platform staff."""
    return scope(Company.objects.all(), admin)


def tax_entities(admin: Admin) -> QuerySet[TaxEntity]:
    return scope(TaxEntity.objects.all(), admin)


def admins(admin: Admin) -> QuerySet[Admin]:
    """The company's admins; platform staff see each other too."""
    return scope(Admin.objects.all(), admin)


def customers(admin: Admin) -> QuerySet[Customer]:
    return scope(Customer.objects.all(), admin)


def cards(admin: Admin) -> QuerySet[Card]:
    return scope(Card.objects.all(), admin)


def tokens(admin: Admin) -> QuerySet[ApiToken]:
    """The admin's own tokens that still work; nobody else's, whatever the level."""
    return ApiToken.objects.filter(admin=admin, revoked_at__isnull=True)
