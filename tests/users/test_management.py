"""``create_admin`` and ``create_token``: what scripts and the first start rely on."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.models import AuditEntry
from tests.api.client import Caller
from tests.factories import a_company, an_admin
from users.models import Admin, Company, Level

pytestmark = pytest.mark.django_db
GOOD = "a long and winding road"


def run(*args: str) -> tuple[str, str]:
    """(stdout, stderr)"""
    out, err = io.StringIO(), io.StringIO()
    call_command(*args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def create(username: str, level: str = "owner", *more: str, password: str = GOOD) -> Any:
    return run(
        "create_admin", "--username", username, "--password", password, "--level", level, *more
    )


def test_the_first_admin_makes_the_first_company() -> None:
    _out, err = create("boss")
    admin = Admin.objects.get()
    assert (admin.username, admin.level, admin.check_password(GOOD)) == ("boss", "owner", True)
    assert admin.company == Company.objects.get()
    assert "main" in err


def test_the_first_company_is_the_default_and_a_slug_names_another() -> None:
    first, second = a_company(), a_company()
    create("one")
    create("two", "viewer", "--company", second.slug, "--name", "Two")
    assert Admin.objects.get(username="one").company == first
    two = Admin.objects.get(username="two")
    assert (two.company, two.name, two.level) == (second, "Two", "viewer")


def test_platform_staff_have_no_company() -> None:
    create("staff", "platform")
    assert Admin.objects.get().company is None
    with pytest.raises(CommandError, match="leave --company out"):
        create("staff2", "platform", "--company", "x")


def test_the_same_name_again_updates_and_brings_back() -> None:
    company = a_company()
    admin = an_admin(company, Level.VIEWER, username="lost", name="Keep")
    Admin.objects.filter(pk=admin.pk).update(enabled=False, deleted_at="2026-01-01T00:00Z")
    out, _err = create("LOST", "manager")
    assert "updated" in out
    admin = Admin.objects.get(pk=admin.pk)
    assert (admin.level, admin.enabled, admin.name) == ("manager", True, "Keep")
    assert admin.check_password(GOOD)
    assert AuditEntry.objects.get().new == {
        "username": "lost",
        "level": "manager",
        "password": "***",
    }


def test_a_weak_password_is_said_but_whoever_has_a_shell_decides() -> None:
    a_company()
    _out, err = create("boss", password="short")
    assert "weak password" in err
    assert Admin.objects.get().check_password("short")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("x", "owner", "--company", "nope"), "no company 'nope'"),
        (("x" * 61, "owner"), "1 to 60"),
        (("x", "king"), "invalid choice"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(args: tuple[str, ...], said: str) -> None:
    a_company()
    with pytest.raises(CommandError, match=said):
        create(*args)
    assert not Admin.objects.exists()


def test_an_admin_does_not_change_company_by_accident() -> None:
    an_admin(a_company(), Level.VIEWER, username="mine")
    other = a_company()
    with pytest.raises(CommandError, match="belongs elsewhere"):
        create("mine", "owner", "--company", other.slug)


def test_the_token_is_the_last_line_and_works() -> None:
    admin = an_admin(a_company(), Level.VIEWER, username="robot")
    out, _err = run("create_token", "ROBOT", "--label", "ci")
    caller = Caller()
    caller.headers = {"Authorization": f"Token {out.splitlines()[-1]}"}
    assert caller.get("me/")["username"] == "robot"
    assert admin.tokens.get().label == "ci"


def test_no_token_for_nobody_or_for_the_disabled() -> None:
    an_admin(a_company(), Level.VIEWER, username="gone", enabled=False)
    for username, said in (("nobody", "no admin"), ("gone", "disabled")):
        with pytest.raises(CommandError, match=said):
            run("create_token", username)
