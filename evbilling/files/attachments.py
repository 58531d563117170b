"""What a charger has sent, to an admin: always saved, never shown, whatever it calls itself."""

from django.http import FileResponse

from core import audit
from stations.models import Upload, UploadState
from stations.services import file_store


def attachment(upload: Upload, *, actor: audit.Actor) -> FileResponse | None:
    """The file; None where there is none (any more). Who took it is remembered."""
    path = file_store.upload_path(upload)
    if upload.state != UploadState.COMPLETE or not path.exists():
        return None
    audit.record(
        actor,
        "download_file",
        f"upload:{upload.pk}",
        company_id=upload.transfer.charger.station.company_id,
        new={"charger": upload.transfer.charger.charge_point_id, "file": upload.file_name},
    )
    response = FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=upload.file_name,
        content_type="application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response
