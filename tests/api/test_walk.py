"""Every address × everybody, made from the URLconf: a new path cannot be forgotten."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils.http import urlencode

from core.models import AuditEntry
from evbilling.api import stations
from evbilling.api.permissions import ANYBODY, Actions, check_views, undeclared
from evbilling.api.urls import urlpatterns
from stations.models import Station
from tests.api.client import Answer, Caller
from tests.api.world import World, a_world
from tests.factories import a_company, an_admin
from users.access import RIGHTS, Action
from users.models import Admin, Level

PREFIX = "/api/v1/"
# What a request must say to get past the fields, where an empty one would not do.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("api-command", "POST"): {"type": "Soft"},
    ("api-charger", "PATCH"): {"enabled": True},
    ("api-charger-local-list", "POST"): {"do": "read"},
}
# Lists that hold something of the caller's own from the start.
OWN = {"api-me", "api-tokens", "api-companies", "api-admins", "api-audit"}
# Addresses that name what they are about in the query.
QUERIES = {"api-tariffs-in-force"}


# Addresses that name what is done, and say to whom in the body.
ORDERS = {"api-bulk"}


def addresses() -> Iterator[tuple[str, bool, Actions]]:
    """(name, whether it names an object, rights by method) of every pattern."""
    for pattern in urlpatterns:
        if pattern.name != "api-nowhere":
            names_object = bool(pattern.pattern.regex.groupindex) or pattern.name in QUERIES
            yield str(pattern.name), names_object, pattern.callback.cls.actions  # type: ignore[attr-defined]


def path_of(name: str, names_object: bool, names: dict[str, dict[str, Any]]) -> str:
    kwargs = names[name] if names_object else {}
    if name in QUERIES:
        return f"{reverse(name).removeprefix(PREFIX)}?{urlencode(kwargs)}"
    return reverse(name, kwargs=kwargs).removeprefix(PREFIX)


def tried(caller: Caller, method: str, name: str, path: str) -> Answer:
    """The answer; what the call may have done is undone."""
    with transaction.atomic():
        answer = caller.send(method, path, BODIES.get((name, method), {}))
        transaction.set_rollback(True)
    return answer


@pytest.fixture
def world() -> World:
    return a_world(a_company())


def test_every_method_of_every_view_declares_its_right() -> None:
    assert list(undeclared()) == []
    assert check_views() == []


@pytest.mark.django_db
def test_a_method_without_a_declared_right_is_refused_at_start_and_when_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stations.Stations, "actions", {"GET": Action.VIEW})
    (error,) = check_views()
    assert "POST stations/" in str(error.msg)
    owner = Caller(an_admin(a_company(), Level.OWNER))
    assert owner.post("stations/", {"name": "X"}).status == 403
    assert not Station.objects.exists()


@pytest.mark.django_db
def test_a_stranger_gets_nowhere(world: World, stranger: Caller) -> None:
    wrong = []
    for name, names_object, actions in addresses():
        for method, action in actions.items():
            answer = tried(stranger, method, name, path_of(name, names_object, world.names))
            expected = 200 if action is ANYBODY else 401
            if answer.status != expected:
                wrong.append((method, name, answer))
            if expected == 401:
                assert answer.response.headers["WWW-Authenticate"] == "Token"
                assert set(answer.json) == {"code", "detail", "fields"}
    assert wrong == []


@pytest.mark.django_db
@pytest.mark.parametrize("level", Level.values)
def test_each_level_may_do_what_the_table_says_and_nothing_else(world: World, level: str) -> None:
    admin = an_admin(world.company, level)
    caller = Caller(admin)
    names = {**world.names, "api-token": {"pk": admin.tokens.get().pk}}
    wrong = []
    for name, names_object, actions in addresses():
        for method, action in actions.items():
            answer = tried(caller, method, name, path_of(name, names_object, names))
            allowed = action is ANYBODY or action in RIGHTS[level]
            if (answer.status == 403) == allowed or answer.status in (401, 404, 405, 500):
                wrong.append((method, name, answer))
    assert wrong == []


@pytest.mark.django_db
def test_the_owner_of_another_company_finds_nothing(world: World, other_api: Caller) -> None:
    wrong = []
    for name, names_object, actions in addresses():
        for method, action in actions.items():
            if action is ANYBODY or action not in RIGHTS[Level.OWNER]:
                continue
            answer = tried(other_api, method, name, path_of(name, names_object, world.names))
            if names_object and name not in ORDERS and answer.status != 404:
                wrong.append((method, name, answer))
            if not names_object and method == "GET" and name not in OWN and answer.rows:
                wrong.append((method, name, answer))
    assert wrong == []


@pytest.mark.django_db
def test_an_admin_limited_to_another_station_finds_nothing_of_this_one(world: World) -> None:
    admin = an_admin(world.company, Level.MANAGER, all_stations=False)
    caller = Caller(admin)
    of_stations = (
        "charger",
        "connector",
        "command",
        "message",
        "session",
        "tariff",
        "case",
        "reservation",
        "invoice",
        "payment",
        "refund",
        "ledger",
    )
    wrong = []
    for name, names_object, actions in addresses():
        if not any(word in name for word in of_stations) or name == "api-tariffs-price":
            continue
        for method in actions:
            if not names_object and method != "GET":
                continue
            answer = tried(caller, method, name, path_of(name, names_object, world.names))
            if answer.status != 404 and not (answer.status == 200 and answer.rows == []):
                wrong.append((method, name, answer))
    assert wrong == []


@pytest.mark.django_db
def test_trying_somebody_elses_object_is_remembered_and_trying_nobodys_is_not(
    world: World, other_api: Caller
) -> None:
    customer = world.names["api-customer"]["pk"]
    assert other_api.get(f"customers/{customer}/").status == 404
    entry = AuditEntry.objects.get(refused=True)
    assert entry.action == Action.VIEW
    assert entry.subject == f"/api/v1/customers/{customer}/"
    assert isinstance(other_api.admin, Admin)
    assert entry.company_id == other_api.admin.company_id
    assert other_api.get("customers/999999999/").status == 404
    assert AuditEntry.objects.filter(refused=True).count() == 1


@pytest.mark.django_db
def test_a_forbidden_attempt_is_remembered(world: World) -> None:
    viewer = Caller(an_admin(world.company, Level.VIEWER))
    path = path_of("api-top-up", True, world.names)
    assert viewer.post(path, {"amount": "10.00", "reason": "x"}).status == 403
    entry = AuditEntry.objects.get(refused=True)
    assert (entry.action, entry.actor_id) == (Action.TOP_UP, str(viewer.admin and viewer.admin.pk))
