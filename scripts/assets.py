"""Copies browser files and the fonts of PDFs, named in ``assets.sha256``, to static/vendor."""

import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "scripts" / "assets.sha256"
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"

# The maps are not shipped, and a manifest of static files refuses a reference that leads nowhere.
SOURCE_MAP = re.compile(rb"\n?/[/*]# sourceMappingURL=[^\s*]+(?: ?\*/)?\s*$")


class AssetError(Exception):
    """A browser file is missing or is not the one we chose; the message says which."""


def listed() -> dict[str, str]:
    """Path below node_modules -> its sha256."""
    lines = LIST.read_text().splitlines()
    return {path: digest for digest, path in (line.split(maxsplit=1) for line in lines)}


def destination(path: str) -> Path:
    name = path.rsplit("/", 1)[-1]
    return VENDOR / "fonts" / name if name.endswith((".woff2", ".ttf")) else VENDOR / name


def checked(path: str, digest: str) -> bytes:
    try:
        content = (MODULES / path).read_bytes()
    except OSError as error:
        raise AssetError(f"node_modules/{path} cannot be read: {error.strerror}.") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise AssetError(f"node_modules/{path} is not the file of scripts/assets.sha256.")
    return SOURCE_MAP.sub(b"\n", content)


def copy() -> int:
    """Make static/vendor hold exactly the listed files; the number of files written."""
    wanted = {destination(path): checked(path, digest) for path, digest in listed().items()}
    written = 0
    for path, content in wanted.items():
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written += 1
    for path in VENDOR.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
            written += 1
    return written


if __name__ == "__main__":
    try:
        if count := copy():
            print(f"static/vendor: {count} files renewed")
    except AssetError as error:
        sys.exit(str(error))
