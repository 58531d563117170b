"""Firmware fetched and files sent over the wire, as real chargers do it."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from stations.models import Case, Charger, Frame, Transfer, TransferReport, Upload
from stations.services import transfers
from stations.services.transfers import Wish
from tests.factories import a_charger
from tests.files.world import an_image
from tests.stack import Stack, eventually
from tests.wire import Point

pytestmark = pytest.mark.wire
CONTENT = bytes(range(256)) * 1024
LARGE = CONTENT * 96  # 24 MB: more than the buffers between the two hold
WEB = httpx.Client(timeout=20)


@pytest.fixture
def charger(office: Stack) -> Charger:
    return a_charger()


@contextmanager
def booted(office: Stack, charger: Charger, version: str = "1.0") -> Iterator[Point]:
    with Point(office.ocpp_url, charger) as point:
        boot(point, version)
        yield point


def boot(point: Point, version: str) -> None:
    point.call(
        "BootNotification",
        {"chargePointVendor": "Test", "chargePointModel": "Wire", "firmwareVersion": version},
    )


def status_of(transfer: Transfer) -> tuple[str, str]:
    transfer.refresh_from_db()
    return transfer.state, transfer.status


def reaches(transfer: Transfer, state: str, status: str) -> None:
    eventually(lambda: status_of(transfer) == (state, status))


def test_a_charger_fetches_its_firmware_resumes_by_range_and_runs_it(
    office: Stack, charger: Charger
) -> None:
    image = an_image(charger.station.company, LARGE, version="2.0")
    with booted(office, charger) as point:
        eventually(lambda: Charger.objects.get(pk=charger.pk).firmware_version == "1.0")
        charger.refresh_from_db()
        point.answers["UpdateFirmware"] = {}
        transfer = transfers.order_firmware(charger, image, by="x", wish=Wish(retries=2))
        order = point.expect("UpdateFirmware")
        assert order["retries"] == 2
        assert order["retrieveDate"].endswith("Z")
        reaches(transfer, "running", "Accepted")
        point.call("FirmwareStatusNotification", {"status": "Downloading"})
        first = _break_off(order["location"], 300_000)
        rest = WEB.get(
            order["location"], headers={"Range": f"bytes={len(first)}-", "If-Range": _etag(order)}
        )
        assert rest.status_code == 206
        assert rest.headers["content-range"] == f"bytes {len(first)}-{len(LARGE) - 1}/{len(LARGE)}"
        assert first + rest.content == LARGE
        for word in ("Downloaded", "Installing"):
            point.call("FirmwareStatusNotification", {"status": word})
        assert status_of(transfer) == ("running", "Installing")
        boot(point, "2.0")
        reaches(transfer, "done", "Installed")
        assert WEB.get(order["location"]).status_code == 410
    told = list(transfer.reports.values_list("action", "status"))
    assert told[-1] == ("BootNotification", "Installed")
    assert [word for _, word in told[:-1]] == ["Downloading", "Downloaded", "Installing"]
    broken, whole = transfer.downloads.order_by("id")
    assert (broken.finished, whole.finished, whole.first) == (False, True, len(first))


def _etag(order: dict[str, Any]) -> str:
    head = WEB.head(order["location"])
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(LARGE)))
    assert head.headers["accept-ranges"] == "bytes"
    return str(head.headers["etag"])


def _break_off(location: str, after: int) -> bytes:
    """Fetch a part, then drop the connection without a word."""
    parts = urlsplit(location)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.request("GET", parts.path)
    found = connection.getresponse().read(after)
    connection.sock.close() if connection.sock else None
    connection.close()
    return found


def test_a_range_behind_the_end_is_416_and_another_files_rest_is_the_whole(
    office: Stack, charger: Charger
) -> None:
    image = an_image(charger.station.company, CONTENT)
    with booted(office, charger) as point:
        point.answers["UpdateFirmware"] = {}
        transfers.order_firmware(charger, image, by="x")
        url = point.expect("UpdateFirmware")["location"]
    behind = WEB.get(url, headers={"Range": f"bytes={len(CONTENT)}-"})
    assert behind.status_code == 416
    assert behind.headers["content-range"] == f"bytes */{len(CONTENT)}"
    other = WEB.get(url, headers={"Range": "bytes=5-", "If-Range": '"another"'})
    assert (other.status_code, len(other.content)) == (200, len(CONTENT))
    assert other.headers["content-disposition"].startswith("attachment")
    assert WEB.delete(url).status_code == 405


@pytest.mark.parametrize(
    ("word", "before"),
    [
        ("DownloadFailed", ["Downloading"]),
        ("InstallationFailed", ["Downloading", "Downloaded", "Installing"]),
    ],
)
def test_a_failed_update_is_shown_and_alarmed(
    office: Stack, charger: Charger, word: str, before: list[str]
) -> None:
    image = an_image(charger.station.company)
    with booted(office, charger) as point:
        point.answers["UpdateFirmware"] = {}
        transfer = transfers.order_firmware(charger, image, by="x")
        point.expect("UpdateFirmware")
        for status in [*before, word]:
            point.call("FirmwareStatusNotification", {"status": status})
    assert status_of(transfer) == ("failed", word)
    case = Case.objects.get(charger=charger)
    assert (case.kind, case.evidence["status"]) == ("transfer_failed", word)


def test_signed_firmware_goes_with_its_certificate_and_its_words_are_matched_by_number(
    office: Stack, charger: Charger, signature: dict[str, str]
) -> None:
    image = an_image(charger.station.company, CONTENT, **signature)
    with booted(office, charger) as point:
        older = transfers.order_firmware(charger, image, by="x", signed=True)
        point.expect("SignedUpdateFirmware")
        point.answers["SignedUpdateFirmware"] = {"status": "AcceptedCanceled"}
        transfer = transfers.order_firmware(charger, image, by="x", signed=True)
        order = point.expect("SignedUpdateFirmware")
        assert order["requestId"] == transfer.pk
        assert order["firmware"]["signature"] == signature["signature"]
        reaches(transfer, "running", "AcceptedCanceled")
        assert status_of(older) == ("failed", "Replaced")
        assert WEB.get(order["firmware"]["location"]).content == CONTENT
        for status, number in (("Downloaded", transfer.pk), ("InvalidSignature", transfer.pk)):
            point.call("SignedFirmwareStatusNotification", {"status": status, "requestId": number})
        point.call("SignedFirmwareStatusNotification", {"status": "Installed", "requestId": 0})
    assert status_of(transfer) == ("failed", "InvalidSignature")
    stray = TransferReport.objects.get(charger=charger, request_id=0)
    assert stray.transfer is None


@pytest.mark.parametrize("way", ["put", "post", "form", "chunked"])
def test_diagnostics_arrive_however_the_charger_sends_them(
    office: Stack, charger: Charger, way: str
) -> None:
    with booted(office, charger) as point:
        point.answers["GetDiagnostics"] = {"fileName": "diag.zip"}
        transfer = transfers.order_upload(charger, "diagnostics", by="x")
        url = point.expect("GetDiagnostics")["location"]
        assert url.endswith("/")
        point.call("DiagnosticsStatusNotification", {"status": "Uploading"})
        if way == "form":
            answer = WEB.post(url, files={"file": ("../../etc/x.html", CONTENT)})
        elif way == "chunked":
            answer = WEB.put(f"{url}diag.zip", content=iter([CONTENT[:7], CONTENT[7:]]))
        else:
            answer = WEB.request(way.upper(), f"{url}diag.zip", content=CONTENT)
        assert answer.status_code == 201, answer.text
        point.call("DiagnosticsStatusNotification", {"status": "Uploaded"})
        assert status_of(transfer) == ("done", "Uploaded")
        assert WEB.put(url, content=b"again").status_code == 410
    upload = Upload.objects.get(transfer=transfer)
    assert (upload.state, upload.size) == ("complete", len(CONTENT))
    assert upload.file_name == ("x.html" if way == "form" else "diag.zip")
    stored = office.servers.home.path / "files" / "uploads" / upload.stored_name
    assert stored.read_bytes() == CONTENT


def test_a_log_that_the_charger_cannot_send_is_a_failure_with_its_word(
    office: Stack, charger: Charger
) -> None:
    with booted(office, charger) as point:
        point.answers["GetLog"] = {"status": "Accepted", "filename": "sec.log"}
        transfer = transfers.order_upload(charger, "security_log", by="x")
        order = point.expect("GetLog")
        assert (order["logType"], order["requestId"]) == ("SecurityLog", transfer.pk)
        for status in ("Uploading", "PermissionDenied"):
            point.call("LogStatusNotification", {"status": status, "requestId": transfer.pk})
    assert status_of(transfer) == ("failed", "PermissionDenied")
    assert Case.objects.filter(charger=charger).count() == 1


def test_a_charger_that_says_it_has_sent_what_never_arrived_is_not_believed(
    office: Stack, charger: Charger
) -> None:
    with booted(office, charger) as point:
        point.answers["GetDiagnostics"] = {"fileName": "d"}
        transfer = transfers.order_upload(charger, "diagnostics", by="x")
        point.expect("GetDiagnostics")
        point.call("DiagnosticsStatusNotification", {"status": "Uploaded"})
    assert status_of(transfer)[0] == "failed"


def test_a_stream_without_end_is_cut_at_the_limit_while_it_is_still_being_sent(
    office: Stack, charger: Charger
) -> None:
    """The stack's limit is its default of 100 MB; the sender would go on for ever."""
    with booted(office, charger) as point:
        point.answers["GetDiagnostics"] = {"fileName": "d"}
        transfer = transfers.order_upload(charger, "diagnostics", by="x")
        url = urlsplit(point.expect("GetDiagnostics")["location"])
    sent, answer = _send_for_ever(url.hostname or "", url.port or 80, url.path)
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert sent < 140 * 1024 * 1024
    upload = eventually(lambda: Upload.objects.filter(transfer=transfer, state="too_large").first())
    assert not (office.servers.home.path / "files" / "uploads" / upload.stored_name).exists()


def _send_for_ever(host: str, port: int, path: str) -> tuple[int, bytes]:
    """Chunks until the other side answers or hangs up; how many bytes went out, and the answer."""
    piece = b"x" * 262_144
    chunk = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    sent = 0
    with socket.create_connection((host, port), timeout=20) as line:
        head = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        line.sendall(head.encode())
        line.settimeout(0.0)
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            try:
                return sent, line.recv(4096)
            except BlockingIOError:
                pass
            line.settimeout(20)
            line.sendall(chunk)
            line.settimeout(0.0)
            sent += len(piece)
    raise AssertionError("it was never cut off")


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(
    office: Stack, charger: Charger
) -> None:
    with booted(office, charger) as point:
        point.answers["GetDiagnostics"] = {"fileName": "d"}
        transfers.order_upload(charger, "diagnostics", by="x")
        url = urlsplit(point.expect("GetDiagnostics")["location"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
    connection.putrequest("PUT", url.path)
    connection.putheader("Content-Length", str(10 * 1024**3))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_foreign_or_unknown_address_gives_nothing(office: Stack, charger: Charger) -> None:
    base = f"{office.url}/transfer/"
    for path in ("x" * 32 + "/", "", "../etc/passwd", "%00/"):
        assert WEB.get(f"{base}{path}").status_code == 404
        assert WEB.put(f"{base}{path}", content=b"x").status_code == 404
    with booted(office, charger) as point:
        point.answers["GetDiagnostics"] = {"fileName": "d"}
        transfers.order_upload(charger, "diagnostics", by="x")
        url = point.expect("GetDiagnostics")["location"]
    assert WEB.get(url).status_code == 404  # it takes, it does not give


def test_an_address_ends_at_its_time(office: Stack, charger: Charger) -> None:
    image = an_image(charger.station.company)
    with booted(office, charger) as point:
        point.answers |= {"UpdateFirmware": {}, "GetDiagnostics": {"fileName": "d"}}
        transfers.order_firmware(charger, image, by="x")
        fetch = point.expect("UpdateFirmware")["location"]
        transfers.order_upload(charger, "diagnostics", by="x")
        put = point.expect("GetDiagnostics")["location"]
    assert WEB.get(fetch).status_code == 200
    Transfer.objects.filter(charger=charger).update(expires_at="2020-01-01T00:00:00Z")
    assert WEB.get(fetch).status_code == 410
    assert WEB.put(put, content=b"x").status_code == 410


def test_words_about_a_file_that_nobody_asked_for_are_kept(office: Stack, charger: Charger) -> None:
    with booted(office, charger) as point:
        point.call("FirmwareStatusNotification", {"status": "Downloading"})
        point.call("LogStatusNotification", {"status": "Uploaded", "requestId": 2**80})
        point.call("DiagnosticsStatusNotification", {"status": "Idle"})
    kept = TransferReport.objects.filter(charger=charger, transfer=None)
    assert kept.count() == 3


def test_the_address_is_shown_to_nobody(office: Stack, charger: Charger) -> None:
    with booted(office, charger) as point:
        point.answers["GetDiagnostics"] = {"fileName": "d"}
        transfer = transfers.order_upload(charger, "diagnostics", by="x")
        token = point.expect("GetDiagnostics")["location"].split("/transfer/")[1].strip("/")
    found = Frame.objects.filter(charger_id=charger.pk, action="GetDiagnostics", direction="out")
    frame = eventually(found.first)
    assert token not in frame.payload
    assert "/transfer/***/" in frame.payload
    assert transfer.token_sha256 != token


def test_a_body_for_a_page_is_cut_off_too(office: Stack, tmp_path: Path) -> None:
    answer = WEB.post(f"{office.url}/signin/", content=b"x" * (5 * 1024 * 1024))
    assert answer.status_code == 413
    stream = WEB.post(f"{office.url}/firmware/", content=iter([b"x" * 1024 * 1024] * 6))
    assert stream.status_code == 413  # nobody is signed in
