"""One fact with its deliveries and its nudge, in one call: plans are kept, round trips saved."""

from django.db import migrations

SQL = """
-- Used by core.outbox and by statements that publish what they have just changed.
CREATE FUNCTION core_publish(
    kind text, subject bigint, company bigint, topic text, data jsonb, at timestamptz,
    due timestamptz, handlers text[], nudge jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    fact bigint;
BEGIN
    INSERT INTO core_fact (kind, subject_id, company_id, topic, data, at)
    VALUES (kind, subject, company, topic, data, at) RETURNING id INTO fact;
    INSERT INTO core_delivery (fact_id, handler, due, attempts, error)
    SELECT fact, handler, core_publish.due, 0, ''
      FROM unnest(handlers) AS handler;
    PERFORM pg_notify('outbox', nudge::text);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [migrations.RunSQL(SQL, "DROP FUNCTION core_publish")]
