"""Tax documents and what they may never do: rules where nobody can forget them."""

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.db import migrations, models


SQL = """
-- A number is taken one after the other, and its document exists when the transaction commits.
CREATE FUNCTION billing_series_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'series of numbers are never deleted' USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.last <> 1 THEN
            RAISE EXCEPTION 'a series begins with 1' USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.last <> OLD.last + 1
       OR (to_jsonb(NEW) - 'last') IS DISTINCT FROM (to_jsonb(OLD) - 'last') THEN
        RAISE EXCEPTION 'a series grows by one and changes in nothing else' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_series_grows BEFORE INSERT OR UPDATE OR DELETE ON billing_documentseries
    FOR EACH ROW EXECUTE FUNCTION billing_series_grows();

CREATE FUNCTION billing_series_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM billing_taxdocument WHERE series_id = NEW.id AND sequence = NEW.last) THEN
        RAISE EXCEPTION 'number % of series % was taken without a document', NEW.last, NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER billing_series_used AFTER INSERT OR UPDATE ON billing_documentseries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_series_used();

-- A document carries the newest number of its own series; afterwards only its state changes, once.
CREATE FUNCTION billing_document_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine billing_documentseries;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'documents are never deleted' USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.series_id IS NOT NULL THEN
            SELECT * INTO mine FROM billing_documentseries WHERE id = NEW.series_id;
            IF (mine.last, mine.kind, mine.tax_entity_id) IS DISTINCT FROM
               (NEW.sequence, NEW.kind, NEW.tax_entity_id) THEN
                RAISE EXCEPTION 'a document takes the next number of its own series'
                    USING ERRCODE = 'check_violation';
            END IF;
        END IF;
        IF NOT EXISTS (SELECT 1 FROM users_taxentity
                        WHERE id = NEW.tax_entity_id AND company_id = NEW.company_id) THEN
            RAISE EXCEPTION 'a document stays within its company' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'live' THEN
        RAISE EXCEPTION 'a closed document stays closed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (to_jsonb(NEW) - '{state,closed_at,closed_by,closed_reason}'::text[]) IS DISTINCT FROM
       (to_jsonb(OLD) - '{state,closed_at,closed_by,closed_reason}'::text[]) THEN
        RAISE EXCEPTION 'a document is corrected by another document, never edited'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_document_kept BEFORE INSERT OR UPDATE OR DELETE ON billing_taxdocument
    FOR EACH ROW EXECUTE FUNCTION billing_document_kept();

CREATE FUNCTION billing_document_closes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE billing_documentcover SET live = FALSE WHERE document_id = NEW.id AND live;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_document_closes AFTER UPDATE OF state ON billing_taxdocument
    FOR EACH ROW WHEN (NEW.state <> 'live') EXECUTE FUNCTION billing_document_closes();

-- What a document covers follows its state and nothing else.
CREATE FUNCTION billing_cover_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.live := (SELECT state = 'live' FROM billing_taxdocument WHERE id = NEW.document_id);
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR pg_trigger_depth() = 1 THEN
        RAISE EXCEPTION 'what a document covers stays' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_cover_kept BEFORE INSERT OR UPDATE OR DELETE ON billing_documentcover
    FOR EACH ROW EXECUTE FUNCTION billing_cover_kept();
"""

UNDO = """
DROP TRIGGER billing_cover_kept ON billing_documentcover;
DROP TRIGGER billing_document_closes ON billing_taxdocument;
DROP TRIGGER billing_document_kept ON billing_taxdocument;
DROP TRIGGER billing_series_used ON billing_documentseries;
DROP TRIGGER billing_series_grows ON billing_documentseries;
DROP FUNCTION billing_cover_kept();
DROP FUNCTION billing_document_closes();
DROP FUNCTION billing_document_kept();
DROP FUNCTION billing_series_used();
DROP FUNCTION billing_series_grows();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0006_settlements"),
        ("stations", "0012_authorisation_visitor"),
        ("users", "0004_tax_details"),
    ]

    operations = [
        migrations.CreateModel(
            name="DocumentSeries",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("branch_code", models.CharField(max_length=5)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("ABB", "Abbreviated tax invoice"),
                            ("TAX", "Full tax invoice"),
                            ("CRN", "Credit note"),
                            ("RCT", "Receipt"),
                            ("INV", "Billing note"),
                        ],
                        max_length=3,
                    ),
                ),
                ("period", models.CharField(max_length=6)),
                ("last", models.PositiveIntegerField()),
                (
                    "tax_entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="series",
                        to="users.taxentity",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TaxDocument",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence", models.PositiveIntegerField(null=True)),
                ("number", models.CharField(max_length=40)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("ABB", "Abbreviated tax invoice"),
                            ("TAX", "Full tax invoice"),
                            ("CRN", "Credit note"),
                            ("RCT", "Receipt"),
                            ("INV", "Billing note"),
                        ],
                        max_length=3,
                    ),
                ),
                ("type_code", models.CharField(max_length=3)),
                ("purpose_code", models.CharField(blank=True, max_length=6)),
                ("purpose", models.CharField(blank=True, max_length=300)),
                ("seller", models.JSONField()),
                ("buyer", models.JSONField(default=dict)),
                ("lines", models.JSONField()),
                ("currency", models.CharField(default="THB", max_length=3)),
                ("total", models.BigIntegerField()),
                ("base", models.BigIntegerField()),
                ("vat", models.BigIntegerField()),
                ("vat_rate", models.DecimalField(decimal_places=4, max_digits=5)),
                ("original_value", models.BigIntegerField(null=True)),
                ("correct_value", models.BigIntegerField(null=True)),
                ("tax_point", models.DateField()),
                ("due_on", models.DateField(null=True)),
                ("issued_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("issued_by", models.CharField(blank=True, max_length=120)),
                ("paid_with", models.CharField(blank=True, max_length=16)),
                ("plate", models.CharField(blank=True, max_length=40)),
                ("about", models.JSONField(default=dict)),
                ("note", models.CharField(blank=True, max_length=400)),
                ("outside", models.BooleanField(default=False)),
                ("source", models.CharField(blank=True, max_length=60)),
                (
                    "state",
                    models.CharField(
                        choices=[("live", "Valid"), ("replaced", "Replaced"), ("void", "Void")],
                        default="live",
                        max_length=8,
                    ),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                ("closed_by", models.CharField(blank=True, max_length=120)),
                ("closed_reason", models.CharField(blank=True, max_length=300)),
                (
                    "company",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="users.company",
                    ),
                ),
                (
                    "corrects",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="billing.taxdocument",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="users.customer",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="billing.payment",
                    ),
                ),
                (
                    "replaces",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replacement",
                        to="billing.taxdocument",
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="billing.documentseries",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="stations.session",
                    ),
                ),
                (
                    "tax_entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="users.taxentity",
                    ),
                ),
            ],
            options={
                "ordering": ["-issued_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="DocumentCover",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("live", models.BooleanField(default=True)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="covers",
                        to="stations.session",
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="covers",
                        to="billing.taxdocument",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="documentseries",
            constraint=models.UniqueConstraint(
                fields=("tax_entity", "branch_code", "kind", "period"), name="document_series_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="documentseries",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["ABB", "TAX", "CRN", "RCT", "INV"])),
                name="document_series_kind_known",
            ),
        ),
        migrations.AddIndex(
            model_name="taxdocument",
            index=models.Index(fields=["company", "-issued_at", "-id"], name="document_company"),
        ),
        migrations.AddIndex(
            model_name="taxdocument",
            index=models.Index(fields=["tax_entity", "tax_point", "id"], name="document_tax_point"),
        ),
        migrations.AddIndex(
            model_name="taxdocument",
            index=models.Index(
                condition=models.Q(("customer__isnull", False)),
                fields=["customer", "-id"],
                name="document_customer",
            ),
        ),
        migrations.AddIndex(
            model_name="taxdocument",
            index=models.Index(fields=["session"], name="document_session"),
        ),
        migrations.AddConstraint(
            model_name="taxdocument",
            constraint=models.UniqueConstraint(
                fields=("series", "sequence"), name="document_sequence_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="taxdocument",
            constraint=models.UniqueConstraint(
                fields=("tax_entity", "number"), name="document_number_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="taxdocument",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("corrects__isnull", True),
                    ("state", "live"),
                    models.Q(("source", ""), _negated=True),
                ),
                fields=("tax_entity", "source"),
                name="document_one_live_of_a_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "total",
                        django.db.models.expressions.CombinedExpression(
                            models.F("base"), "+", models.F("vat")
                        ),
                    ),
                    ("total__gt", 0),
                    ("vat__gte", 0),
                ),
                name="document_adds_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "RCT"), _negated=True),
                    models.Q(("vat", 0), ("vat_rate", 0)),
                    _connector="OR",
                ),
                name="document_receipt_no_vat",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("outside", True), ("sequence__isnull", True), ("series__isnull", True)
                    ),
                    models.Q(("outside", False), ("sequence__gt", 0), ("series__isnull", False)),
                    _connector="OR",
                ),
                name="document_numbered_here_or_outside",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("state", "live")),
                    models.Q(("closed_at__isnull", False), ("state__in", ["void", "replaced"])),
                    _connector="OR",
                ),
                name="document_closed_with_its_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("correct_value__gte", 0),
                        ("corrects__isnull", False),
                        ("kind", "CRN"),
                        (
                            "original_value",
                            django.db.models.expressions.CombinedExpression(
                                models.F("correct_value"), "+", models.F("base")
                            ),
                        ),
                    ),
                    models.Q(models.Q(("kind", "CRN"), _negated=True), ("corrects__isnull", True)),
                    _connector="OR",
                ),
                name="document_credit_note_says_both_values",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["ABB", "TAX", "CRN", "RCT", "INV"])),
                name="document_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="documentcover",
            constraint=models.UniqueConstraint(
                fields=("document", "session"), name="document_covers_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="documentcover",
            constraint=models.UniqueConstraint(
                condition=models.Q(("live", True)),
                fields=("session",),
                name="one_live_tax_document_per_session",
            ),
        ),
        migrations.RunSQL(SQL, UNDO),
    ]
