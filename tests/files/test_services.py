"""Rules of files and campaigns that need no wire."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core import outbox
from core.audit import SYSTEM
from core.errors import DomainError
from stations.models import Campaign, Case, Charger, Command, Transfer, Upload
from stations.services import (
    campaigns,
    commands,
    file_store,
    firmware,
    transfer_door,
    transfers,
)
from stations.services.transfers import Report, Wish
from tests.factories import a_charger, a_company, a_station, go_online
from tests.files.world import a_campaign, a_sent_file, a_transfer, an_image, token_of

pytestmark = pytest.mark.django_db


def deliver() -> None:
    while outbox.deliver_one():
        pass


def ends(command: Command | None, status: str, response: Any = None) -> None:
    """The charger's answer, as the process that holds the line writes it."""
    assert command is not None
    Command.objects.filter(pk=command.pk).update(status="sent", epoch=1)
    commands.finish(command.pk, 1, status, response)  # type: ignore[arg-type]
    deliver()


def says(charger: Charger, action: str, status: str, number: int | None = None) -> None:
    station = charger.station
    at = timezone.now()
    transfers.record(Report(charger.pk, station.company_id, station.pk, action, status, number, at))


def test_an_order_without_file_name_in_its_answer_has_nothing_to_send_and_may_change_its_mind() -> (
    None
):
    charger = a_charger(online=True)
    transfer = transfers.order_upload(charger, "diagnostics", by="x")
    ends(transfer.command, "accepted", {})
    transfer.refresh_from_db()
    assert (transfer.state, transfer.status) == ("done", "NothingToSend")
    says(charger, "DiagnosticsStatusNotification", "Uploading")
    transfer.refresh_from_db()
    assert transfer.state == "running"


@pytest.mark.parametrize(
    ("status", "response", "word", "cases"),
    [
        ("rejected", {"status": "InvalidCertificate"}, "Refused", 1),
        ("error", {"errorCode": "NotImplemented"}, "Refused", 1),
        ("timeout", None, "NoAnswer", 1),
        ("offline", None, "NotSent", 0),
    ],
)
def test_an_order_that_did_not_get_through_says_why(
    status: str, response: Any, word: str, cases: int
) -> None:
    charger = a_charger(online=True)
    transfer = transfers.order_firmware(charger, an_image(charger.station.company), by="x")
    ends(transfer.command, status, response)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.status) == ("failed", word)
    assert transfer.detail == (next(iter((response or {}).values()), ""))
    assert Case.objects.count() == cases


def test_a_failed_download_that_the_charger_tries_again_goes_on() -> None:
    charger = a_charger()
    transfer = a_transfer(charger, "firmware", firmware=an_image(charger.station.company))
    for status in ("Downloading", "DownloadFailed", "Downloading", "Installed", "Downloading"):
        says(charger, "FirmwareStatusNotification", status)
    says(charger, "FirmwareStatusNotification", "Idle")
    transfer.refresh_from_db()
    assert (transfer.state, transfer.status) == ("done", "Installed")
    assert transfer.reports.count() == 6


def test_another_chargers_words_change_nothing() -> None:
    charger, other = a_charger(), a_charger()
    transfer = a_transfer(charger, "security_log")
    says(other, "LogStatusNotification", "UploadFailure", transfer.pk)
    says(charger, "DiagnosticsStatusNotification", "UploadFailed")
    transfer.refresh_from_db()
    assert transfer.state == "running"


@pytest.mark.parametrize(
    ("before", "boots_with", "state"),
    [("1.0", "2.0", "done"), ("1.0", "1.0", "running"), ("2.0", "2.0", "running")],
)
def test_only_a_boot_with_a_version_it_did_not_have_proves_the_update(
    before: str, boots_with: str, state: str
) -> None:
    charger = a_charger(firmware_version=boots_with)
    image = an_image(charger.station.company, version="2.0")
    transfer = a_transfer(charger, "firmware", firmware=image, version_before=before)
    transfers.on_booted([charger.pk])
    transfer.refresh_from_db()
    assert transfer.state == state


def test_what_nothing_is_heard_of_is_given_up_after_its_time() -> None:
    charger = a_charger()
    late = a_transfer(charger, expires_at=timezone.now() - timedelta(seconds=1))
    in_time = a_transfer(charger)
    assert transfers.close_overdue() == 1
    late.refresh_from_db()
    in_time.refresh_from_db()
    assert (late.status, in_time.state) == ("Overdue", "running")
    assert transfers.close_overdue() == 0


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish(retries=-1), "retries"),
        (Wish(retries=11), "retries"),
        (Wish(retry_interval_s=3601), "retry_interval"),
        (Wish(oldest=timezone.now(), latest=timezone.now() - timedelta(days=1)), "latest"),
    ],
)
def test_a_wish_that_makes_no_sense_names_its_field(wish: Wish, field: str) -> None:
    charger = a_charger(online=True)
    with pytest.raises(DomainError) as refused:
        transfers.order_upload(charger, "diagnostics", by="x", wish=wish)
    assert refused.value.field == field
    assert not Transfer.objects.exists()


def test_an_address_is_stored_as_its_digest_only_and_takes_a_bounded_number_of_attempts(
    settings: Any,
) -> None:
    charger = a_charger(online=True)
    transfer = transfers.order_upload(charger, "diagnostics", by="x")
    token = token_of(transfer)
    assert len(token) == 32
    assert transfer.token_sha256 == transfers.digest(token)
    for _ in range(transfer_door.MOST_ATTEMPTS):
        slot = transfer_door.begin_upload(token, "f", "")
        assert not isinstance(slot, int)
        transfer_door.end_upload(slot.upload_id, "broken", 0)  # type: ignore[arg-type]
    assert transfer_door.begin_upload(token, "f", "") == 429


def test_two_uploads_may_arrive_at_once_and_no_third() -> None:
    charger = a_charger(online=True)
    token = token_of(transfers.order_upload(charger, "diagnostics", by="x"))
    assert not isinstance(transfer_door.begin_upload(token, "f", ""), int)
    assert not isinstance(transfer_door.begin_upload(token, "f", ""), int)
    assert transfer_door.begin_upload(token, "f", "") == 409


def test_a_disk_that_is_nearly_full_takes_no_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    charger = a_charger(online=True)
    token = token_of(transfers.order_upload(charger, "diagnostics", by="x"))
    monkeypatch.setattr(file_store, "LEAST_FREE", 2**60)
    assert transfer_door.begin_upload(token, "f", "") == 507


def test_files_are_deleted_after_their_time_and_the_row_says_so(settings: Any) -> None:
    charger = a_charger()
    old, young = a_sent_file(charger), a_sent_file(charger)
    age = timezone.now() - timedelta(days=settings.UPLOAD_KEEP_DAYS, hours=1)
    Upload.objects.filter(pk=old.pk).update(started_at=age)
    assert transfer_door.remove_old() == 1
    assert not file_store.upload_path(old).exists()
    assert file_store.upload_path(young).exists()
    assert Upload.objects.get(pk=old.pk).state == "removed"


def test_an_upload_whose_process_died_is_closed_and_its_piece_removed() -> None:
    upload = a_sent_file(a_charger())
    age = timezone.now() - timedelta(hours=2)
    Upload.objects.filter(pk=upload.pk).update(state="receiving", started_at=age)
    assert transfer_door.close_lost() == 1
    assert not file_store.upload_path(upload).exists()
    assert Upload.objects.get(pk=upload.pk).state == "broken"


def test_names_of_files_are_plain_and_lead_nowhere() -> None:
    assert firmware.safe_name("../../etc/pass wd.bin") == "pass_wd.bin"
    assert firmware.safe_name("C:\\fw\\เฟิร์ม.bin") == "_.bin"
    assert firmware.safe_name("...") == ""
    assert len(firmware.safe_name("x" * 500)) == 100


# --- campaigns --------------------------------------------------------------------------------------


def test_each_step_waits_for_the_answer_to_the_one_before() -> None:
    charger = a_charger(online=True)
    steps = [
        {"action": "ChangeConfiguration", "payload": {"key": key, "value": "1"}}
        for key in ("A", "B", "C")
    ]
    campaign = a_campaign([charger], kind="configuration", steps=steps)
    target = campaign.targets.get()
    ends(target.command, "accepted", {"status": "Accepted"})
    target.refresh_from_db()
    assert (target.state, target.step) == ("working", 1)
    ends(target.command, "rejected", {"status": "NotSupported"})
    target.refresh_from_db()
    assert (target.state, target.detail) == ("failed", "B: NotSupported")
    assert Command.objects.filter(charger=charger).count() == 2
    assert Campaign.objects.get().state == "done"


def test_a_charger_that_went_away_before_it_saw_the_order_is_told_again_when_it_is_back() -> None:
    charger = a_charger(online=True)
    campaign = a_campaign([charger])
    first = campaign.targets.get().command
    Charger.objects.filter(pk=charger.pk).update(connection_holder="")
    ends(first, "offline")
    assert campaign.targets.get().state == "waiting"
    go_online(charger)
    campaigns.sweep()
    second = campaign.targets.get().command
    assert second is not None
    assert first is not None
    assert second.pk != first.pk
    ends(second, "accepted", {"status": "Accepted"})
    assert campaign.targets.get().state == "done"


def test_an_outcome_that_is_told_twice_counts_once() -> None:
    charger = a_charger(online=True)
    campaign = a_campaign([charger])
    target = campaign.targets.get()
    ends(target.command, "accepted", {"status": "Accepted"})
    assert target.command is not None
    stale = Command.objects.get(pk=target.command.pk)
    stale.status = "rejected"
    campaigns.on_outcome(stale)
    assert campaign.targets.get().state == "done"


def test_after_the_deadline_nobody_is_waited_for() -> None:
    campaign = a_campaign([a_charger()])
    Campaign.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    campaigns.sweep()
    campaign.refresh_from_db()
    assert campaign.state == "done"
    assert campaign.targets.get().state == "missed"


def test_firmware_for_another_model_refuses_the_whole_campaign_and_names_the_charger() -> None:
    station = a_station()
    fits, wrong = a_charger(station, vendor="A"), a_charger(station, vendor="B")
    image = an_image(station.company, vendor="A")
    step = {"action": "UpdateFirmware", "payload": {}}
    with pytest.raises(DomainError) as refused:
        a_campaign([fits, wrong], kind="firmware", firmware=image, steps=[step])
    assert refused.value.field == "chargers"
    assert wrong.charge_point_id in str(refused.value)
    assert not Campaign.objects.exists()


def test_a_campaign_asks_for_logs_with_an_address_for_each_and_opens_no_case_of_its_own() -> None:
    station = a_station()
    chargers = [a_charger(station, online=True) for _ in range(2)]
    step = {"action": "GetLog", "payload": {"logType": "SecurityLog"}}
    campaign = a_campaign(chargers, steps=[step])
    found = list(Transfer.objects.order_by("pk"))
    assert len({token_of(t) for t in found}) == 2
    ends(found[0].command, "rejected", {"status": "Rejected"})
    target = campaign.targets.get(transfer=found[0])
    assert (target.state, target.detail) == ("failed", "Refused Rejected")
    assert not Case.objects.exists()


def test_an_image_of_another_company_is_not_sent() -> None:
    charger = a_charger(online=True)
    with pytest.raises(DomainError):
        transfers.order_firmware(charger, an_image(a_company()), by="x")
    firmware.delete(an_image(charger.station.company), actor=SYSTEM)  # nothing is under way
