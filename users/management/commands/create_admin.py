"""``manage.py create_admin``: the first login, or one that somebody has lost."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from core import audit
from core.errors import DomainError
from users.models import Admin, Company, Level
from users.services import admins, companies

ACTOR = audit.Actor("system", name="create_admin")
FIRST_COMPANY = ("main", "My company", "บริษัทของฉัน")


class Command(BaseCommand):
    help = "Create an admin, or give an existing one a new password and level."
    requires_system_checks = []  # a script runs it many times; checks run in lint and tests

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument("--password", required=True)
        parser.add_argument("--level", required=True, choices=Level.values)
        parser.add_argument("--company", metavar="SLUG", help="default: the only or first one")
        parser.add_argument("--name", help="shown in the back office; default: the username")

    def handle(self, *args: Any, **options: Any) -> None:
        username: str = options["username"].strip()
        if not username or len(username) > 60:
            raise CommandError("--username takes 1 to 60 characters")
        try:
            with transaction.atomic():
                admin, created = self._save(username, options)
        except DomainError as error:
            raise CommandError(str(error)) from None
        home = admin.company.slug if admin.company else "platform"
        done = "created" if created else "updated"
        self.stdout.write(f"{admin.username} ({admin.level}, {home}): {done}")

    def _save(self, username: str, options: dict[str, Any]) -> tuple[Admin, bool]:
        self._warn_if_weak(username, options)
        before = Admin.all_objects.filter(username__iexact=username).first()
        company = self._company(options["company"], options["level"], before)
        admin = before or Admin(username=username, name=options["name"] or username)
        if before is not None and before.company_id != (company.pk if company else None):
            raise CommandError(f"{username} belongs elsewhere; choose another username")
        admin.company, admin.level, admin.enabled = company, options["level"], True
        admin.deleted_at, admin.deleted_by = None, ""
        admin.name = options["name"] or admin.name
        admin.set_password(options["password"])
        admin.save()
        audit.record(
            ACTOR,
            "edit_admin" if before else "create_admin",
            f"admin:{admin.pk}",
            company_id=admin.company_id,
            new={"username": admin.username, "level": admin.level, "password": "***"},
        )
        return admin, before is None

    def _company(self, slug: str | None, level: str, before: Admin | None) -> Company | None:
        """The one named, the admin's own, the first; a first one is made where there is none."""
        if level == Level.PLATFORM:
            if slug:
                raise CommandError("platform staff stand above companies: leave --company out")
            return None
        if slug:
            found = Company.objects.filter(slug=slug).first()
            if found is None:
                known = ", ".join(Company.objects.order_by("pk").values_list("slug", flat=True))
                raise CommandError(f"no company {slug!r}; known: {known or 'none yet'}")
            return found
        if before is not None and before.company is not None:
            return before.company
        first = Company.objects.order_by("pk").first()
        if first is None:
            new_slug, name, name_th = FIRST_COMPANY
            first = companies.create(new_slug, {"name": name, "name_th": name_th}, actor=ACTOR)
            self.stderr.write(f"no company yet: made {new_slug!r}, rename it in the back office")
        return first

    def _warn_if_weak(self, username: str, options: dict[str, Any]) -> None:
        """Whoever has a shell here may do as they like, but should know."""
        try:
            admins.check_password(options["password"], Admin(username=username))
        except admins.WeakPassword as error:
            self.stderr.write(self.style.WARNING(f"weak password: {error}"))
