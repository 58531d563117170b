"""A charger's files, and the company's firmware images."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core import audit
from core.errors import DomainError, NotAllowed
from evbilling.backoffice import charger_page
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.file_forms import AskForm, ImageForm, UpdateForm
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.transfer_rows import shown
from evbilling.files.attachments import attachment
from evbilling.forms import Form
from stations.models import Charger, FirmwareImage, Transfer, TransferKind, Upload
from stations.models.transfer import OPEN_TRANSFER
from stations.selectors import transfers as selectors
from stations.services import firmware, transfers
from users.access import Action, may

MOST_IMAGES = 200


@needs(Action.VIEW)
def tab(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """The Files tab of a charger."""
    return _tab(request, charger_of(request, charge_point_id))


@require_POST
@needs(Action.UPDATE_FIRMWARE)
def update(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """Order new firmware."""
    charger = charger_of(request, charge_point_id)
    form = UpdateForm(request.POST, prefix="update", images=_fitting(request, charger))
    if not form.is_valid():
        return _tab(request, charger, update=form, status=422)
    image = one(request, FirmwareImage.objects.all(), pk=form.cleaned_data["firmware"])
    signed = form.cleaned_data["how"] == TransferKind.SIGNED_FIRMWARE
    try:
        made = transfers.order_firmware(
            charger, image, by=actor(request).name, signed=signed, wish=form.wish()
        )
    except DomainError as error:
        _blame(form, error)
        return _tab(request, charger, update=form, status=error.status)
    return _ordered(request, charger, made)


@require_POST
@needs(Action.COMMAND_CHARGER)
def ask(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """Ask for diagnostics or a log."""
    charger = charger_of(request, charge_point_id)
    form = AskForm(request.POST, prefix="ask")
    if not form.is_valid():
        return _tab(request, charger, asking=form, status=422)
    kind = form.cleaned_data["kind"]
    try:
        made = transfers.order_upload(charger, kind, by=actor(request).name, wish=form.wish())
    except DomainError as error:
        _blame(form, error)
        return _tab(request, charger, asking=form, status=error.status)
    return _ordered(request, charger, made)


@needs(Action.DOWNLOAD_FILE)
def download(request: AdminRequest, charge_point_id: str, pk: int) -> HttpResponseBase:
    """A file that the charger has sent."""
    charger = charger_of(request, charge_point_id)
    upload = one(request, Upload.objects.filter(transfer__charger=charger), pk=pk)
    found = attachment(upload, actor=actor(request))
    if found is None:
        raise Http404
    return found


def _tab(
    request: AdminRequest,
    charger: Charger,
    *,
    update: UpdateForm | None = None,
    asking: AskForm | None = None,
    status: int = 200,
) -> HttpResponse:
    found = [shown(row) for row in selectors.of_charger(charger)]
    context: dict[str, Any] = charger_page.frame(request, charger, "files") | {
        "transfers": found,
        "unasked": selectors.unasked(charger),
        "waiting": any(each.row.state in OPEN_TRANSFER for each in found),
        "may_download": may(request.admin, Action.DOWNLOAD_FILE),
    }
    if request.GET.get("part") == "transfers" and request.method == "GET":
        return render(request, "backoffice/charger_files.html#transfers", context)
    images = _fitting(request, charger)
    context |= charger_page.troubles(request, charger) | {
        "images": images,
        "update": update or UpdateForm(prefix="update", images=images),
        "asking": asking or AskForm(prefix="ask"),
        "may_update": may(request.admin, Action.UPDATE_FIRMWARE),
        "keep_days": settings.UPLOAD_KEEP_DAYS,
        "most_mb": settings.UPLOAD_MAX_BYTES // (1024 * 1024),
    }
    return render(request, "backoffice/charger_files.html", context, status=status)


def _fitting(request: AdminRequest, charger: Charger) -> list[FirmwareImage]:
    """The company's images that are meant for such a charger."""
    found = []
    for image in rows(request, FirmwareImage.objects.all())[:MOST_IMAGES]:
        try:
            transfers.check_fits(charger, image)
        except DomainError:
            continue
        found.append(image)
    return found


def _ordered(request: AdminRequest, charger: Charger, made: Transfer) -> HttpResponse:
    audit.record(
        actor(request),
        "order_transfer",
        f"charger:{charger.pk}",
        company_id=charger.station.company_id,
        new={"transfer": made.pk, "kind": made.kind, "firmware": made.firmware_id},
    )
    return redirect("charger-files", charger.charge_point_id)


def _blame(form: Form, error: DomainError) -> None:
    form.add_error(error.field if error.field in form.fields else None, str(error))


# --- the company's images -------------------------------------------------------------------------------


@needs(Action.VIEW)
def images(request: AdminRequest) -> HttpResponse:
    """All images; uploading one is a POST to the same address (its size is bounded by it)."""
    if request.method != "POST":
        return _images(request)
    if not may(request.admin, Action.UPDATE_FIRMWARE) or not request.admin.all_stations:
        raise NotAllowed(_("Only managers of the whole company upload firmware."))
    form = ImageForm(request.POST, request.FILES)
    if not form.is_valid():
        return _images(request, form, 422)
    fields = dict(form.cleaned_data)
    file = fields.pop("file")
    try:
        firmware.create(
            request.company,
            fields,  # type: ignore[arg-type]
            file.name,
            file.chunks(),
            actor=actor(request),
        )
    except DomainError as error:
        _blame(form, error)
        return _images(request, form, error.status)
    return redirect("firmware")


@require_POST
@needs(Action.UPDATE_FIRMWARE)
def delete_image(request: AdminRequest, pk: int) -> HttpResponse:
    """Into the trash."""
    if not request.admin.all_stations:
        raise NotAllowed(_("Only managers of the whole company remove firmware."))
    firmware.delete(one(request, FirmwareImage.objects.all(), pk=pk), actor=actor(request))
    return redirect("firmware")


def _images(
    request: AdminRequest, form: ImageForm | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "images": list(rows(request, FirmwareImage.objects.all())[:MOST_IMAGES]),
        "form": form or ImageForm(),
        "may_edit": may(request.admin, Action.UPDATE_FIRMWARE) and request.admin.all_stations,
        "most_mb": settings.FIRMWARE_MAX_BYTES // (1024 * 1024),
    }
    return render(request, "backoffice/firmware.html", context, status=status)
