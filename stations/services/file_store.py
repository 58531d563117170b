"""Where files of chargers lie: below FILES_DIR, under names that nobody can guess or choose."""

import os
import secrets
import shutil
from pathlib import Path

from django.conf import settings

from stations.models import FirmwareImage, Upload

FIRMWARE, UPLOADS = "firmware", "uploads"
LEAST_FREE = 256 * 1024 * 1024  # bytes of the disk that files of chargers never take


def new_name() -> str:
    return secrets.token_hex(16)


def folder(name: str) -> Path:
    """The folder, made where it is missing; only our own account may look into it."""
    found: Path = settings.FILES_DIR / name
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def firmware_path(image: FirmwareImage) -> Path:
    return folder(FIRMWARE) / image.stored_name


def upload_path(upload: Upload) -> Path:
    return folder(UPLOADS) / upload.stored_name


def has_room(most: int) -> bool:
    """Whether ``most`` bytes more leave enough of the disk free."""
    return shutil.disk_usage(folder(UPLOADS)).free > most + LEAST_FREE


def to_disk(path: Path) -> None:
    """A file and its name, safe against a power cut: what is acknowledged is never lost."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
