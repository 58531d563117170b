"""Leave that a phone was given, without a card: the start binds exactly that phone's page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stations", "0011_prepaid")]

    operations = [
        migrations.AddField(
            model_name="authorisation",
            name="visitor",
            field=models.CharField(blank=True, default="", max_length=43),
            preserve_default=False,
        )
    ]
