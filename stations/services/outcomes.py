"""What came of an order, told to the part that gave it.

An order with a key "word:…" belongs to the part of that word. The table of words is the project's
(``evbilling.events``), as that of facts is.
"""

from collections.abc import Mapping

from django.utils.module_loading import import_string

from core.models import Fact
from stations.models import Command

_takers: dict[str, str] = {}


def wire(takers: Mapping[str, str]) -> None:
    """First word of a key -> dotted path of ``taker(command: Command) -> None``."""
    _takers.clear()
    _takers.update(takers)


def on_command_finished(fact: Fact) -> None:
    """Tell the one part that waits for this order; orders of people have no key and wake nobody."""
    command = Command.objects.select_related("charger__station").get(pk=fact.subject_id)
    word = (command.key or "").partition(":")[0]
    if path := _takers.get(word):
        import_string(path)(command)
