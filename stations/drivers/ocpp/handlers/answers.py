"""What handlers share: the legal words of an answer, and the checks that every message passes."""

from stations.clock import zulu as zulu
from stations.drivers.ocpp.frames import Refused
from stations.services.authorising import TagInfo
from stations.services.connectors import MAX_CONNECTORS

EMPTY = b"{}"


def tag_info(info: TagInfo) -> dict[str, str]:
    """IdTagInfo as the schema wants it."""
    answer = {"status": info.status}
    if info.expires_at is not None:
        answer["expiryDate"] = zulu(info.expires_at)
    if info.parent_id_tag:
        answer["parentIdTag"] = info.parent_id_tag
    return answer


def require_connector(number: int) -> None:
    if not 0 <= number <= MAX_CONNECTORS:
        raise Refused("PropertyConstraintViolation", f"connectorId: {number}"[:60])
