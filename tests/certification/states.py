"""The test document's reusable states: what stands before a case begins."""

from typing import Any

from tests.certification.scene import CONNECTORS, Scene, moment

VENDOR, MODEL = "Certified", "Point"


def connected(scene: Scene) -> None:
    """The charge point is there, as all through the document, and has booted before."""
    scene.connect()
    boot(scene)


def boot(scene: Scene) -> dict[str, Any]:
    answer = scene.point.says(
        "BootNotification", chargePointVendor=VENDOR, chargePointModel=MODEL, firmwareVersion="1.0"
    )
    assert answer["status"] == "Accepted"
    return answer


def status(scene: Scene, word: str, connector: int = 1, error: str = "NoError") -> None:
    answer = scene.point.says(
        "StatusNotification",
        connectorId=connector,
        status=word,
        errorCode=error,
        timestamp=moment(),
    )
    assert answer == {}


def all_available(scene: Scene) -> None:
    """One StatusNotification per connector and one for the charge point itself."""
    for connector in range(CONNECTORS + 1):
        status(scene, "Available", connector)


def booted(scene: Scene) -> None:
    """State *Booted*."""
    boot(scene)
    all_available(scene)


def authorized(scene: Scene, tag: str = "") -> dict[str, Any]:
    """State *Authorized*: the idTagInfo of the card."""
    info: dict[str, Any] = scene.point.says("Authorize", idTag=tag or scene.tag)["idTagInfo"]
    assert info["status"] == "Accepted"
    return info


def started(
    scene: Scene, tag: str = "", connector: int = 1, at: str = "", **more: Any
) -> dict[str, Any]:
    """StartTransaction, whatever the answer says."""
    return scene.point.says(
        "StartTransaction",
        connectorId=connector,
        idTag=tag or scene.tag,
        meterStart=0,
        timestamp=at or moment(),
        **more,
    )


def transaction(scene: Scene, tag: str = "", at: str = "", **more: Any) -> int:
    """A StartTransaction that is accepted; its number."""
    answer = started(scene, tag, at=at, **more)
    assert answer["idTagInfo"]["status"] == "Accepted"
    assert answer["transactionId"] > 0
    return int(answer["transactionId"])


def charging(scene: Scene, tag: str = "", **more: Any) -> int:
    """State *Charging*: the number of the transaction that runs on connector 1."""
    authorized(scene, tag)
    status(scene, "Preparing")
    number = transaction(scene, tag, **more)
    status(scene, "Charging")
    return number


def stopped(
    scene: Scene, number: int, reason: str, *, tag: str = "", at: str = "", meter: int = 10
) -> dict[str, Any]:
    """StopTransaction, with the idTag that began it unless the reason has none."""
    return scene.point.says(
        "StopTransaction",
        transactionId=number,
        meterStop=meter,
        timestamp=at or moment(),
        reason=reason,
        **({"idTag": tag} if tag else {}),
    )


def unplugged(scene: Scene) -> None:
    """What every charge ends with: Finishing until the cable is out, then Available."""
    status(scene, "Finishing")
    status(scene, "Available")
