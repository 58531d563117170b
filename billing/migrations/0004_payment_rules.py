"""What a payment, a refund and a notice may never do, where nobody can forget it."""

from django.db import migrations

SQL = """
-- A payment ends once: what is final stays, money that came is never forgotten, who and how much
-- stay as they were asked.
CREATE FUNCTION billing_payment_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'payments are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.company_id, NEW.key, NEW.reference, NEW.gateway, NEW.method, NEW.purpose, NEW.amount,
        NEW.customer_id, NEW.tax_entity_id) IS DISTINCT FROM
       (OLD.company_id, OLD.key, OLD.reference, OLD.gateway, OLD.method, OLD.purpose, OLD.amount,
        OLD.customer_id, OLD.tax_entity_id) THEN
        RAISE EXCEPTION 'a payment stays what was asked' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.captured < OLD.captured OR NEW.refunded < OLD.refunded THEN
        RAISE EXCEPTION 'money that came or went back is never forgotten' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'paid' AND NEW.state <> 'paid' THEN
        RAISE EXCEPTION 'a paid payment stays paid; money goes back by a refund' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'authorised' AND NEW.state NOT IN ('authorised', 'paid', 'released') THEN
        RAISE EXCEPTION 'a hold is captured or released' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.gateway_ref <> '' AND NEW.gateway_ref <> OLD.gateway_ref THEN
        RAISE EXCEPTION 'a payment keeps its charge' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_payment_kept BEFORE UPDATE OR DELETE ON billing_payment
    FOR EACH ROW EXECUTE FUNCTION billing_payment_kept();

-- A refund is paid once, and never more than was taken.
CREATE FUNCTION billing_refund_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken bigint;
    back bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'refunds are never deleted' USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'UPDATE' THEN
        IF OLD.state = 'done' THEN
            RAISE EXCEPTION 'a refund is paid once' USING ERRCODE = 'restrict_violation';
        END IF;
        IF (NEW.payment_id, NEW.key, NEW.amount, NEW.reason) IS DISTINCT FROM
           (OLD.payment_id, OLD.key, OLD.amount, OLD.reason) THEN
            RAISE EXCEPTION 'a refund stays what is owed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    SELECT captured INTO taken FROM billing_payment WHERE id = NEW.payment_id FOR UPDATE;
    SELECT coalesce(sum(amount), 0) INTO back FROM billing_refund WHERE payment_id = NEW.payment_id;
    IF back + NEW.amount > taken THEN
        RAISE EXCEPTION 'more would go back than was taken' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_refund_kept BEFORE INSERT OR UPDATE OR DELETE ON billing_refund
    FOR EACH ROW EXECUTE FUNCTION billing_refund_kept();
"""

UNDO = """
DROP TRIGGER billing_refund_kept ON billing_refund;
DROP TRIGGER billing_payment_kept ON billing_payment;
DROP FUNCTION billing_refund_kept();
DROP FUNCTION billing_payment_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_payments")]
    operations = [migrations.RunSQL(SQL, UNDO)]
