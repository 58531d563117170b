"""Python runs this first in every product process that the tests start: this folder is on its
PYTHONPATH. Here the tests watch, and in mutants change, what the process does; the product knows
nothing of it."""

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

Change = Callable[[Any], None]


class AfterImport(MetaPathFinder):
    """Changes modules as soon as they have been imported, before anybody takes names from them."""

    def __init__(self) -> None:
        self.changes: defaultdict[str, list[Change]] = defaultdict(list)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.changes:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            for change in self.changes[fullname]:
                change(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def begin() -> None:
    after = AfterImport()
    if book := os.environ.get("EVBILLING_WITNESS"):
        from tests.inside.witness import watch

        after.changes["evbilling.asgi_ocpp"].append(watch(book))
    if name := os.environ.get("EVBILLING_MUTANT"):
        from tests.certification.mutants import MUTANTS

        for module, change in MUTANTS[name].changes:
            after.changes[module].append(change)
    sys.meta_path.insert(0, after)


begin()
