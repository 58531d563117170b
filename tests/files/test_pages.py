"""The Files tab, the firmware page, campaigns: what people see and may do."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from core.models import AuditEntry
from stations.models import Campaign, Charger, FirmwareImage, Transfer, TransferReport
from stations.services import file_store, transfers
from tests.factories import a_charger, a_company, a_session, a_station, an_admin
from tests.files.world import (
    a_campaign,
    a_sent_file,
    a_transfer,
    an_image,
    signed,
    token_of,
)
from tests.pages.people import signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db


def files_of(charger: Charger, level: str = Level.OWNER) -> tuple[Any, str]:
    client = signed_in(an_admin(charger.station.company, level))
    return client, f"/chargers/{charger.charge_point_id}/files/"


def test_a_charger_without_files_says_what_will_stand_here() -> None:
    client, path = files_of(a_charger(online=True))
    page = text_of(client.get(path))
    assert "No file yet" in page
    assert "No firmware fits this charger" in page


def test_a_transfer_shows_the_chargers_words_what_it_fetched_and_what_it_sent() -> None:
    charger = a_charger(online=True)
    image = an_image(charger.station.company, b"x" * 1000)
    update = a_transfer(charger, "firmware", firmware=image, status="Downloading")
    update.reports.create(
        charger=charger,
        action="FirmwareStatusNotification",
        status="Downloading",
        at=timezone.now(),
    )
    update.downloads.create(first=0, wanted=1000, sent=400, address="192.0.2.7")
    upload = a_sent_file(charger)
    TransferReport.objects.create(
        charger=charger, action="LogStatusNotification", status="Uploaded", at=timezone.now()
    )
    client, path = files_of(charger)
    page = text_of(client.get(path))
    assert "The charger is fetching it" in page
    assert "40% fetched" in page
    assert "192.0.2.7" in page
    assert f"{path}{upload.pk}/" in page
    assert "nobody asked for here" in page


def test_an_uploaded_file_is_saved_never_shown_and_who_took_it_is_remembered() -> None:
    charger = a_charger()
    upload = a_sent_file(charger, b"<script>alert(1)</script>")
    client, path = files_of(charger, Level.OPERATOR)
    answer = client.get(f"{path}{upload.pk}/")
    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"
    assert answer["Content-Disposition"] == 'attachment; filename="diag.log"'
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert AuditEntry.objects.get(action="download_file").subject == f"upload:{upload.pk}"
    viewer, _ = files_of(charger, Level.VIEWER)
    assert viewer.get(f"{path}{upload.pk}/").status_code == 403
    other = signed_in(an_admin(a_company()))
    assert other.get(f"{path}{upload.pk}/").status_code == 404
    file_store.upload_path(upload).unlink()
    assert client.get(f"{path}{upload.pk}/").status_code == 404


def test_an_update_is_ordered_from_the_form_and_recorded() -> None:
    charger = a_charger(online=True, firmware_version="1.0")
    image = an_image(charger.station.company, version="2.0")
    client, path = files_of(charger, Level.MANAGER)
    sent = {"update-firmware": image.pk, "update-how": "firmware", "update-retries": "2"}
    assert client.post(f"{path}firmware/", sent).status_code == 302
    transfer = Transfer.objects.get()
    assert transfer.command is not None
    assert transfer.command.payload["retries"] == 2
    assert transfer.version_before == "1.0"
    assert AuditEntry.objects.filter(action="order_transfer").count() == 1


def test_the_address_of_a_file_is_shown_on_no_page() -> None:
    charger = a_charger(online=True)
    transfer = transfers.order_upload(charger, "diagnostics", by="x")
    client, path = files_of(charger)
    live = text_of(client.get(f"/chargers/{charger.charge_point_id}/"))
    assert "/transfer/***/" in live
    for page in (live, text_of(client.get(path))):
        assert token_of(transfer) not in page


def test_the_time_typed_is_the_stations() -> None:
    charger = a_charger(online=True)
    image = an_image(charger.station.company)
    client, path = files_of(charger)
    day = (timezone.now() + timedelta(days=2)).date()
    sent = {"update-firmware": image.pk, "update-how": "firmware", "update-at": f"{day}T10:30"}
    assert client.post(f"{path}firmware/", sent).status_code == 302
    command = Transfer.objects.get().command
    assert command is not None
    assert command.payload["retrieveDate"] == f"{day}T03:30:00Z"


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"update-how": "signed_firmware"}, "uploaded without signature"),
        ({"update-how": "firmware", "update-retries": "99"}, "less than or equal to 10"),
        ({"update-how": "firmware", "update-firmware": "999999"}, "Select a valid choice"),
    ],
)
def test_an_order_that_cannot_be_is_told_under_its_field_and_sends_nothing(
    sent: dict[str, str], sentence: str
) -> None:
    charger = a_charger(online=True)
    image = an_image(charger.station.company)
    client, path = files_of(charger)
    answer = client.post(f"{path}firmware/", {"update-firmware": image.pk} | sent)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert not Transfer.objects.exists()


def test_firmware_of_another_model_or_company_is_not_offered() -> None:
    charger = a_charger(online=True, vendor="Delta", model="AC")
    an_image(charger.station.company, vendor="ABB", name="Foreign maker")
    an_image(a_company(), name="Foreign company")
    fits = an_image(charger.station.company, vendor="delta", name="Fits")
    client, path = files_of(charger)
    page = text_of(client.get(path))
    assert f">{fits} ·" in page
    assert "Foreign" not in page


def test_an_offline_charger_is_asked_for_nothing() -> None:
    charger = a_charger()
    client, path = files_of(charger)
    answer = client.post(f"{path}ask/", {"ask-kind": "diagnostics"})
    assert answer.status_code == 409
    assert "The charger is offline" in text_of(answer)
    assert not Transfer.objects.exists()


def test_firmware_is_uploaded_and_removed() -> None:
    company = a_company()
    client = signed_in(an_admin(company, Level.MANAGER))
    assert "No firmware yet" in text_of(client.get("/firmware/"))
    good = {"name": "Box", "version": "1", **signed(b"x")}
    answer = client.post("/firmware/", good | {"file": SimpleUploadedFile("a b.bin", b"content")})
    assert answer.status_code == 302
    image = FirmwareImage.objects.get(company=company)
    assert (image.file_name, image.size, image.signed) == ("a_b.bin", 7, True)
    assert file_store.firmware_path(image).read_bytes() == b"content"
    assert "with signature" in text_of(client.get("/firmware/"))
    assert client.post(f"/firmware/{image.pk}/delete/").status_code == 302
    assert "No firmware yet" in text_of(client.get("/firmware/"))
    assert FirmwareImage.all_objects.get(pk=image.pk).deleted_at is not None


@pytest.mark.parametrize(
    ("fields", "content", "sentence"),
    [
        ({}, b"", "The file is empty."),
        ({"name": ""}, b"x", "This field is required."),
        ({"signature": "aGk="}, b"x", "Give the certificate"),
        ({"signing_certificate": "nonsense", "signature": "aGk="}, b"x", "no certificate in PEM"),
        ({"signature": "###", "signing_certificate": "x"}, b"x", "must be base64"),
    ],
)
def test_a_wrong_upload_is_told_under_its_field_and_leaves_no_file(
    fields: dict[str, str], content: bytes, sentence: str
) -> None:
    client = signed_in(an_admin(a_company()))
    sent = {"name": "B", "version": "1", "file": SimpleUploadedFile("f", content)} | fields
    answer = client.post("/firmware/", sent)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert not FirmwareImage.objects.exists()


def test_too_large_firmware_is_refused_and_leaves_no_file(settings: Any) -> None:
    settings.FIRMWARE_MAX_BYTES = 100
    before = list(file_store.folder(file_store.FIRMWARE).iterdir())
    client = signed_in(an_admin(a_company()))
    sent = {"name": "B", "version": "1", "file": SimpleUploadedFile("f", b"x" * 101)}
    answer = client.post("/firmware/", sent)
    assert answer.status_code == 413
    assert "larger than" in text_of(answer)
    assert list(file_store.folder(file_store.FIRMWARE).iterdir()) == before


def test_firmware_on_its_way_is_not_removed() -> None:
    charger = a_charger()
    image = an_image(charger.station.company)
    a_transfer(charger, "firmware", firmware=image)
    client = signed_in(an_admin(charger.station.company))
    assert client.post(f"/firmware/{image.pk}/delete/").status_code == 409
    assert FirmwareImage.objects.filter(pk=image.pk).exists()


# --- campaigns --------------------------------------------------------------------------------------


def test_a_campaign_is_begun_for_the_chosen_chargers_only() -> None:
    station = a_station()
    one, other = a_charger(station, online=True), a_charger(station)
    client = signed_in(an_admin(station.company, Level.MANAGER))
    assert "No campaign yet" in text_of(client.get("/campaigns/"))
    page = text_of(client.get("/campaigns/new/?kind=configuration"))
    assert one.charge_point_id in page
    assert other.charge_point_id in page
    sent = {
        "name": "Every minute",
        "settings": "MeterValueSampleInterval=60\nWebSocketPingInterval = 30",
        "max_parallel": "5",
        "hours": "24",
        "charger": [one.pk],
    }
    answer = client.post("/campaigns/new/?kind=configuration", sent)
    campaign = Campaign.objects.get()
    assert answer["Location"] == f"/campaigns/{campaign.pk}/"
    (target,) = campaign.targets.all()
    assert (target.charger_id, target.state) == (one.pk, "working")
    assert target.command is not None
    assert target.command.payload == {"key": "MeterValueSampleInterval", "value": "60"}
    page = text_of(client.get(answer["Location"]))
    assert "0 of 1 chargers are through" in page
    assert "WebSocketPingInterval" in page


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        ("configuration", {"settings": "no equals sign"}, "is not written as Key=Value"),
        ("configuration", {"settings": "AuthorizationKey=x"}, "on both sides at once"),
        ("configuration", {"settings": "K" * 60 + "=1"}, "key is too long"),
        ("order", {"order": "other", "action": "Explode"}, "does not send Explode"),
        ("order", {"order": "other", "action": "Reset", "payload": "[1]"}, "no JSON object"),
        ("order", {"order": "other", "action": "Reset", "payload": "{}"}, "type is missing"),
        ("order", {"order": "cache", "charger": []}, "Choose at least one charger"),
        ("order", {"order": "cache", "max_parallel": "0"}, "greater than or equal to 1"),
        ("firmware", {"firmware": "99999"}, "Select a valid choice"),
    ],
)
def test_a_campaign_that_cannot_be_is_told_why_and_does_nothing(
    kind: str, fields: dict[str, Any], sentence: str
) -> None:
    charger = a_charger(online=True)
    an_image(charger.station.company)
    client = signed_in(an_admin(charger.station.company))
    sent = {"name": "X", "max_parallel": "5", "hours": "24", "charger": [charger.pk]} | fields
    answer = client.post(f"/campaigns/new/?kind={kind}", sent)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert not Campaign.objects.exists()


def test_chargers_of_others_cannot_be_chosen() -> None:
    mine, foreign = a_charger(online=True), a_charger(online=True)
    client = signed_in(an_admin(mine.station.company))
    sent = {"name": "X", "order": "cache", "max_parallel": "5", "hours": "1"}
    both = sent | {"charger": [mine.pk, foreign.pk]}
    assert client.post("/campaigns/new/?kind=order", both).status_code == 302
    assert [t.charger_id for t in Campaign.objects.get().targets.all()] == [mine.pk]


def test_a_campaign_is_paused_resumed_and_cancelled() -> None:
    station = a_station()
    charger = a_charger(station)
    campaign = a_campaign([charger])
    client = signed_in(an_admin(station.company))
    path = f"/campaigns/{campaign.pk}/"
    for turn, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert client.post(f"{path}turn/", {"turn": turn}).status_code == 302
        campaign.refresh_from_db()
        assert campaign.state == state
    assert client.post(f"{path}turn/", {"turn": "resume"}).status_code == 409
    assert campaign.targets.get().state == "cancelled"
    viewer = signed_in(an_admin(station.company, Level.VIEWER))
    page = text_of(viewer.get(path))
    assert "Cancelled 1" in page
    assert viewer.post(f"{path}turn/", {"turn": "pause"}).status_code == 403


def test_who_is_limited_to_a_station_sees_no_campaign_that_goes_beyond() -> None:
    company = a_company()
    mine, beyond = a_station(company), a_station(company)
    inside = a_campaign([a_charger(mine)])
    across = a_campaign([a_charger(mine), a_charger(beyond)])
    admin = an_admin(company, Level.MANAGER, all_stations=False)
    mine.limited_admins.add(admin)
    client = signed_in(admin)
    assert client.get(f"/campaigns/{inside.pk}/").status_code == 200
    assert client.get(f"/campaigns/{across.pk}/").status_code == 404


def test_the_list_of_a_campaign_is_narrowed_by_state() -> None:
    station = a_station()
    waiting, failed = a_charger(station), a_charger(station)
    campaign = a_campaign([waiting, failed])
    campaign.targets.filter(charger=failed).update(state="failed", detail="Rejected")
    client = signed_in(an_admin(station.company))
    page = text_of(client.get(f"/campaigns/{campaign.pk}/?state=failed"))
    assert failed.charge_point_id in page
    assert waiting.charge_point_id not in page
    assert "No charger in this state" in text_of(
        client.get(f"/campaigns/{campaign.pk}/?state=done")
    )


def test_a_charger_with_a_car_is_left_alone_unless_told_otherwise() -> None:
    station = a_station()
    charger = a_charger(station, online=True)
    a_session(charger.connectors.get())
    assert a_campaign([charger]).targets.get().state == "waiting"
    assert a_campaign([charger], while_charging=True).targets.get().state == "working"
