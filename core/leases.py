"""One owner per name, with an epoch that grows at every take-over.

A holder renews at a third of the term and stops itself at two thirds when it cannot; whatever it
writes carries its epoch, and a lower one than the row's is refused (``is_current``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from core.models import Lease

TERM = timedelta(seconds=15)


@dataclass(frozen=True)
class Held:
    """A lease in hand: valid while ``timezone.now() < give_up_at``."""

    name: str
    holder: str
    epoch: int
    term: timedelta
    taken_at: datetime

    @property
    def give_up_at(self) -> datetime:
        return self.taken_at + self.term * 2 / 3


def take(name: str, holder: str, term: timedelta = TERM) -> Held | None:
    """Take or renew ``name``. None while another holder's lease runs.

    The same holder keeps its epoch; a new holder gets a higher one.
    """
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO core_lease AS l (name, holder, epoch, expires_at) VALUES (%s, %s, 1, %s)
            ON CONFLICT (name) DO UPDATE
               SET holder = excluded.holder,
                   expires_at = excluded.expires_at,
                   epoch = l.epoch + (l.holder <> excluded.holder)::int
             WHERE l.holder = excluded.holder OR l.expires_at < %s
            RETURNING epoch
            """,
            [name, holder, now + term, now],
        )
        row = cursor.fetchone()
    return Held(name, holder, row[0], term, now) if row else None


def release(held: Held) -> None:
    """Give the name back at once, so that a successor need not wait."""
    Lease.objects.filter(name=held.name, holder=held.holder, epoch=held.epoch).update(
        expires_at=timezone.now()
    )


def is_current(name: str, epoch: int) -> bool:
    """Whether ``epoch`` is still the newest for ``name``."""
    return Lease.objects.filter(name=name, epoch=epoch).exists()
