"""Configuration templates of a company: what it wants of its chargers."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError
from stations import configuring
from stations.configuring import LONGEST_KEY, LONGEST_VALUE, fold
from stations.models import ConfigurationTemplate
from users.models import Company
from users.services import editing

MOST_KEYS = 100


class NameTaken(Conflict):
    code = "name_taken"
    message = _("There is a template with this name already.")


class BadKeys(DomainError):
    """What is wrong with the keys of a template."""

    code = "bad_keys"


def checked(keys: Mapping[str, str]) -> dict[str, str]:
    """The keys as a template may hold them, or ``BadKeys`` with the sentence why not."""
    if not keys:
        raise BadKeys(_("Give at least one setting."), field="keys")
    if len(keys) > MOST_KEYS:
        raise BadKeys(_("A template has at most %(most)s settings."), field="keys", most=MOST_KEYS)
    seen: set[str] = set()
    for key, value in keys.items():
        _check(key, value)
        if fold(key) in seen:
            raise BadKeys(_("%(key)s stands there twice."), field="keys", key=key)
        seen.add(fold(key))
    return {key.strip(): value.strip() for key, value in keys.items()}


def _check(key: str, value: str) -> None:
    readable = key.strip().isprintable() and value.strip().isprintable()
    if not key.strip() or len(key.strip()) > LONGEST_KEY or not readable:
        raise BadKeys(
            _("“%(key)s” is no key: it has 1 to %(most)s characters."),
            field="keys",
            key=key.strip()[:80],
            most=LONGEST_KEY,
        )
    if len(value.strip()) > LONGEST_VALUE:
        raise BadKeys(
            _("The value of %(key)s is longer than %(most)s characters."),
            field="keys",
            key=key,
            most=LONGEST_VALUE,
        )
    if configuring.is_secret(key):
        raise BadKeys(
            _("%(key)s is a password: it is no matter for a template."), field="keys", key=key
        )


def create(
    company: Company,
    name: str,
    keys: Mapping[str, str],
    *,
    is_default: bool = False,
    actor: audit.Actor,
) -> ConfigurationTemplate:
    """A new template. ``NameTaken``, ``BadKeys``."""
    row = ConfigurationTemplate(company=company, name=name, keys=checked(keys))
    row.is_default, row.changed_by = is_default, actor.name
    with transaction.atomic():
        _one_default(row)
        with editing.refusing("template_name_once", NameTaken(field="name")):
            row.save()
        said = {"name": name, "keys": row.keys, "is_default": is_default}
        _record(actor, "create_template", row, new=said)
    return row


def update(
    row: ConfigurationTemplate,
    *,
    name: str | None = None,
    keys: Mapping[str, str] | None = None,
    is_default: bool | None = None,
    actor: audit.Actor,
) -> ConfigurationTemplate:
    """Change some of it. Chargers are not told by this: they show as drifting until put right."""
    old = {"name": row.name, "keys": row.keys, "is_default": row.is_default}
    row.name = row.name if name is None else name
    row.keys = row.keys if keys is None else checked(keys)
    row.is_default = row.is_default if is_default is None else is_default
    new = {"name": row.name, "keys": row.keys, "is_default": row.is_default}
    if new == old:
        return row
    row.changed_at, row.changed_by = timezone.now(), actor.name
    with transaction.atomic():
        _one_default(row)
        with editing.refusing("template_name_once", NameTaken(field="name")):
            row.save()
        _record(actor, "edit_template", row, old=old, new=new)
    return row


def delete(row: ConfigurationTemplate, *, actor: audit.Actor) -> None:
    """Chargers that had it fall back to the company's default, or the built-in one."""
    old = {"name": row.name, "keys": row.keys, "is_default": row.is_default}
    with transaction.atomic():
        _record(actor, "delete_template", row, old=old)
        row.delete()


def _one_default(row: ConfigurationTemplate) -> None:
    """The newest word counts: another default is one no more."""
    if row.is_default:
        others = ConfigurationTemplate.objects.filter(company_id=row.company_id, is_default=True)
        others.exclude(pk=row.pk).update(is_default=False)


def _record(
    actor: audit.Actor,
    action: str,
    row: ConfigurationTemplate,
    *,
    old: dict[str, object] | None = None,
    new: dict[str, object] | None = None,
) -> None:
    subject = f"template:{row.pk}"
    audit.record(actor, action, subject, company_id=row.company_id, old=old, new=new)
