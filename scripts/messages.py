"""Compiles locale/*/LC_MESSAGES/django.po to .mo where the .mo is missing or older."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class CatalogueError(Exception):
    """A translation that would fail when it is shown; the message says where."""


def stale() -> list[Path]:
    """The catalogues that need compiling."""
    found = sorted((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))
    return [po for po in found if _modified(po.with_suffix(".mo")) < _modified(po)]


def compile_catalogue(po: Path) -> None:
    # Imported here because most runs have nothing to compile.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with po.open("rb") as source:
        catalogue = read_po(source, locale=po.parent.parent.name, abort_invalid=True)
    for message, problems in catalogue.check():
        raise CatalogueError(f"{po.relative_to(ROOT)}:{message.lineno}: {problems[0]}")
    target = po.with_suffix(".mo.new")
    with target.open("wb") as compiled:
        write_mo(compiled, catalogue)
    target.replace(po.with_suffix(".mo"))


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else -1


def main() -> None:
    for po in stale():
        try:
            compile_catalogue(po)
        except (CatalogueError, ValueError) as error:
            sys.exit(str(error))
        print(f"{po.relative_to(ROOT)} compiled")


if __name__ == "__main__":
    main()
