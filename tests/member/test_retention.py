"""One table of what is kept: the jobs, the notice and the document follow it."""

import hashlib
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.template.loader import get_template
from django.utils import timezone

from evbilling import retention, tasks
from evbilling.celery import PERIODIC
from evbilling.member import notice
from stations.models import Visit
from tests.customer.phones import a_plug
from tests.factories import a_company, a_customer, a_session, an_admin
from tests.pages.people import signed_in
from users.models import DataRequestKind, Level, MemberSession, OneTimeCode
from users.services import codes, members

# The words of the notice and its table, as they were when VERSION was chosen. When this fails:
# a new VERSION, and members are told anew.
SHOWN = {"2026-11-20": "c5d8dcdcef2b2a36"}


@pytest.mark.pure
def test_a_change_of_the_notice_is_a_new_version() -> None:
    source = get_template(notice.TEMPLATE).template.source  # type: ignore[attr-defined]
    rows = [f"{r.key}|{r.what}|{r.why}|{r.days}" for r in retention.TABLE if r.personal]
    found = hashlib.sha256("\n".join([source, *rows]).encode()).hexdigest()[:16]
    assert SHOWN[notice.VERSION] == found


@pytest.mark.pure
def test_every_row_that_is_deleted_names_a_job_that_runs() -> None:
    jobs = {task.rsplit(".", 1)[1] for _name, task, _every in PERIODIC}
    named = {row.task for row in retention.TABLE if row.task}
    assert named <= jobs
    assert all(hasattr(tasks, name) for name in named)
    assert all(row.length >= 90 for row in retention.TABLE if "s.26" in str(row.why))


@pytest.mark.pure
def test_the_document_lists_the_same_rows() -> None:
    text = (settings.BASE_DIR / "docs" / "privacy.md").read_text()
    table = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(table) == len(retention.TABLE)
    for row, line in zip(retention.TABLE, table, strict=True):
        assert f"{row.task or ''}" in line
        assert (str(row.days) if isinstance(row.days, str) else row.words.split()[0]) in line or (
            row.key == "member"
        )


@pytest.mark.django_db
def test_traces_of_phones_go_after_ninety_days_and_not_before() -> None:
    plug = a_plug()
    member = a_customer(plug.charger.station.company)
    row = codes_row(member.phone)
    ended = members.sign_in([member])
    members.sign_out(ended)
    members.sign_in([member])
    now = timezone.now()
    Visit.objects.create(visitor="a" * 43, connector=plug, waiting_until=now)
    riding = a_session(plug)
    Visit.objects.create(
        visitor="b" * 43, connector=plug, waiting_until=now, stage="bound", session=riding
    )
    with time_machine.travel(now + timedelta(days=89)):
        tasks.forget_members()
    counts = (OneTimeCode.objects.count(), MemberSession.objects.count(), Visit.objects.count())
    assert counts == (1, 2, 2)
    with time_machine.travel(now + timedelta(days=91)):
        tasks.forget_members()
    assert not OneTimeCode.objects.filter(pk=row.pk).exists()
    assert MemberSession.objects.get().ended_at is None
    assert Visit.objects.get().session == riding  # its charge goes on


def codes_row(phone: str | None) -> OneTimeCode:
    return codes.ask(codes.Wish(phone or "", "flow"))


@pytest.mark.django_db
def test_owners_see_and_answer_what_members_ask_and_others_see_the_table_only() -> None:
    company = a_company()
    member = a_customer(company, name="Forget Me")
    asked = members.ask_for(member, DataRequestKind.ERASURE)
    owner = signed_in(an_admin(company, Level.OWNER), "en")
    page = owner.get("/privacy/").content.decode()
    assert "Forget Me" in page
    assert "Computer Crime Act" in page
    viewer = signed_in(an_admin(company, Level.VIEWER), "en").get("/privacy/").content.decode()
    assert "Forget Me" not in viewer
    assert "Computer Crime Act" in viewer
    assert owner.post(f"/privacy/{asked.pk}/done/").status_code == 302
    asked.refresh_from_db()
    assert asked.done_at is not None
    assert asked.done_by
