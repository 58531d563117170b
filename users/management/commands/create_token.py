"""``manage.py create_token``: an API token for an admin, shown once."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from core import audit
from users import tokens
from users.models import Admin

ACTOR = audit.Actor("system", name="create_token")


class Command(BaseCommand):
    help = "Create an API token; it is the last line printed and cannot be shown again."
    requires_system_checks = []  # a script runs it many times; checks run in lint and tests

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--label", default="", help="what it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        username, label = options["username"], options["label"][:80]
        admin = Admin.objects.filter(username__iexact=username).first()
        if admin is None:
            raise CommandError(f"no admin {username!r}; make one with create_admin")
        if not admin.is_active:
            raise CommandError(f"{username} is disabled, a token would not work")
        with transaction.atomic():
            token = tokens.create(admin, label)
            audit.record(
                ACTOR,
                "create_token",
                f"admin:{admin.pk}",
                company_id=admin.company_id,
                new={"label": label},
            )
        self.stdout.write(token)
