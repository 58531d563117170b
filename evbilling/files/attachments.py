"""What a charger has sent, to an admin: always saved, never shown, whatever it calls itself."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from core import audit
from stations.models import Upload, UploadState
from stations.services import file_store

PIECE_BYTES = 256 * 1024


class Attachment(StreamingHttpResponse):
    """A file piece by piece. Django would take all of a synchronous one into memory first."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(_pieces(path), content_type="application/octet-stream")
        self._path = path
        self["Content-Length"] = str(path.stat().st_size)
        self["Content-Disposition"] = str(content_disposition_header(True, name))
        self["X-Content-Type-Options"] = "nosniff"
        self["Content-Security-Policy"] = "sandbox; default-src 'none'"
        self["Cache-Control"] = "private, no-store"

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _pieces_later(self._path)


def attachment(upload: Upload, *, actor: audit.Actor) -> Attachment | None:
    """The file; None where there is none (any more). Who took it is remembered."""
    path = file_store.upload_path(upload)
    if upload.state != UploadState.COMPLETE or not path.exists():
        return None
    charger = upload.transfer.charger
    audit.record(
        actor,
        "download_file",
        f"upload:{upload.pk}",
        company_id=charger.station.company_id,
        new={"charger": charger.charge_point_id, "file": upload.file_name},
    )
    return Attachment(path, upload.file_name)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


async def _pieces_later(path: Path) -> AsyncIterator[bytes]:
    file = await sync_to_async(lambda: path.open("rb"))()
    try:
        while piece := await sync_to_async(file.read)(PIECE_BYTES):
            yield piece
    finally:
        file.close()
