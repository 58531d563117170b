"""How long and how often to measure."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """``folder`` is for logs and the compiled generator; it goes away with the run."""

    folder: Path
    rounds: int
    warm: float
    seconds: float
    connections: int  # of the storm
    say: Callable[[str], None]
    quick: bool = False
