from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0003_line"),
    ]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="buyer",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="branch_name",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="building",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="country",
            field=models.CharField(default="TH", max_length=2),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="district",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="email",
            field=models.EmailField(blank=True, max_length=254),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="house_number",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="name_en",
            field=models.CharField(blank=True, max_length=160),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="phone",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="postcode",
            field=models.CharField(blank=True, max_length=5),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="province",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="street",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="subdistrict",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name="taxentity",
            name="vat_registered_to",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="taxentity",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("vat_registered_to__isnull", True),
                    ("vat_registered_to__gte", models.F("vat_registered_from")),
                    _connector="OR",
                ),
                name="tax_entity_vat_dates",
            ),
        ),
    ]
