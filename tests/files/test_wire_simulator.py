"""The simulated charger against the running product: both ends of every transfer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from asgiref.sync import sync_to_async

from simulators.charger import ChargePoint, Hardware
from simulators.ocpp_link import Endpoint
from stations.models import Charger, Transfer, Upload
from stations.services import transfers
from stations.services.transfers import Wish
from tests.factories import CHARGER_PASSWORD, a_charger
from tests.files.world import an_image, signed
from tests.stack import Stack, eventually

pytestmark = pytest.mark.wire
CONTENT = b"firmware-version: 7.7\n" + bytes(range(256)) * 40_000  # 10 MB
Story = Callable[[ChargePoint], Awaitable[None]]


def with_a_simulator(office: Stack, charger: Charger, story: Story) -> None:
    async def tell() -> None:
        endpoint = Endpoint(
            office.ocpp_url.rstrip("/"),
            charger.charge_point_id,
            CHARGER_PASSWORD,
            reconnect_min_s=0.01,
            reconnect_max_s=0.05,
        )
        async with ChargePoint(endpoint, Hardware(reboot_s=0.01, firmware="1.0")) as cp:
            await cp.wait_registered()
            await story(cp)

    asyncio.run(tell())


def ended(transfer: Transfer, status: str) -> Transfer:
    def found() -> Transfer | None:
        fresh = Transfer.objects.get(pk=transfer.pk)
        return fresh if fresh.status == status and fresh.state in ("done", "failed") else None

    row = eventually(found, 20)
    assert isinstance(row, Transfer)
    return row


@pytest.mark.parametrize("is_signed", [False, True])
def test_firmware_breaks_off_is_resumed_by_range_and_runs_after_the_boot(
    office: Stack, is_signed: bool
) -> None:
    charger = a_charger()
    image = an_image(charger.station.company, CONTENT, version="7.7", **signed(CONTENT))

    async def story(cp: ChargePoint) -> None:
        cp.maintenance.break_after = 1_000_000
        await sync_to_async(check)()

    def check() -> None:
        charger.refresh_from_db()
        wish = Wish(retries=1, retry_interval_s=0)
        made = transfers.order_firmware(charger, image, by="x", signed=is_signed, wish=wish)
        row = ended(made, "Installed")
        assert row.state == "done"
        eventually(lambda: Charger.objects.get(pk=charger.pk).firmware_version == "7.7")
        broken, rest = row.downloads.order_by("id")
        assert rest.first >= 1_000_000
        assert rest.first + rest.sent == len(CONTENT)
        assert (broken.first, broken.finished, rest.finished) == (0, False, True)

    with_a_simulator(office, charger, story)


def test_firmware_with_a_wrong_signature_is_not_installed(office: Stack) -> None:
    charger = a_charger()
    image = an_image(charger.station.company, CONTENT, **signed(b"something else"))

    async def story(cp: ChargePoint) -> None:
        await sync_to_async(check)()

    def check() -> None:
        made = transfers.order_firmware(charger, image, by="x", signed=True)
        assert ended(made, "InvalidSignature").state == "failed"

    with_a_simulator(office, charger, story)


@pytest.mark.parametrize("kind", ["diagnostics", "diagnostics_log", "security_log"])
def test_diagnostics_and_logs_arrive(office: Stack, kind: str) -> None:
    charger = a_charger()

    async def story(cp: ChargePoint) -> None:
        await sync_to_async(check)()

    def check() -> None:
        made = transfers.order_upload(charger, kind, by="x")
        assert ended(made, "Uploaded").state == "done"
        upload = Upload.objects.get(transfer=made)
        stored = office.servers.home.path / "files" / "uploads" / upload.stored_name
        assert b"BootNotification" in stored.read_bytes()
        assert upload.file_name.startswith(charger.charge_point_id)

    with_a_simulator(office, charger, story)
