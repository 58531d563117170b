"""What became of one try to send a message."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    SENT = "sent"
    LATER = "later"  # may work another time
    NEVER = "never"  # this message to this address cannot be sent
    QUOTA = "quota"  # this month's messages are used up


@dataclass(frozen=True, slots=True)
class Outcome:
    """``ref`` is the sender's own number of the request, for its support."""

    result: Result
    why: str = ""
    ref: str = ""
