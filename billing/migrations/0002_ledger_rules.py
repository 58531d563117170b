"""The rules of the ledger, where nobody can forget them."""

from django.db import migrations

SQL = """
-- Nothing is changed or taken away afterwards: a mistake is corrected by another transfer.
CREATE FUNCTION billing_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER billing_entry_immutable BEFORE UPDATE OR DELETE ON billing_entry
    FOR EACH ROW EXECUTE FUNCTION billing_immutable();
CREATE TRIGGER billing_transfer_immutable BEFORE UPDATE OR DELETE ON billing_transfer
    FOR EACH ROW EXECUTE FUNCTION billing_immutable();
CREATE TRIGGER billing_tariff_immutable BEFORE UPDATE OR DELETE ON billing_tariff
    FOR EACH ROW EXECUTE FUNCTION billing_immutable();

-- Balances follow the entries; both sides belong to one company.
CREATE FUNCTION billing_entry_posts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE billing_account a SET balance = balance + a.sign * NEW.amount
      FROM billing_transfer t
     WHERE a.id = NEW.account_id AND t.id = NEW.transfer_id AND t.company_id = a.company_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an entry must stay within the company of its transfer' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_entry_posts AFTER INSERT ON billing_entry
    FOR EACH ROW EXECUTE FUNCTION billing_entry_posts();

-- Every transfer sums to zero when it commits.
CREATE FUNCTION billing_transfer_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(amount) FROM billing_entry WHERE transfer_id = NEW.transfer_id) <> 0 THEN
        RAISE EXCEPTION 'transfer % does not sum to zero', NEW.transfer_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER billing_transfer_balances AFTER INSERT ON billing_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_transfer_balances();

-- A hold is taken from what is free, may be resized while open, and is closed once.
CREATE FUNCTION billing_hold_reserves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'holds are never deleted' USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'INSERT' THEN
        change := CASE WHEN NEW.state = 'open' THEN NEW.amount ELSE 0 END;
    ELSIF OLD.state <> 'open' THEN
        RAISE EXCEPTION 'a closed hold stays as it is' USING ERRCODE = 'restrict_violation';
    ELSE
        change := CASE WHEN NEW.state = 'open' THEN NEW.amount - OLD.amount ELSE -OLD.amount END;
    END IF;
    UPDATE billing_account SET held = held + change WHERE id = NEW.account_id;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_hold_reserves BEFORE INSERT OR UPDATE OR DELETE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_hold_reserves();

-- Accounts are never deleted, and only entries and holds move them.
CREATE FUNCTION billing_account_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'accounts are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF pg_trigger_depth() = 1 AND (NEW.balance, NEW.held) IS DISTINCT FROM (OLD.balance, OLD.held) THEN
        RAISE EXCEPTION 'balances are moved by entries and holds only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_account_kept BEFORE UPDATE OR DELETE ON billing_account
    FOR EACH ROW EXECUTE FUNCTION billing_account_kept();

-- A bill stays as it was made; only what is still unpaid goes down.
CREATE FUNCTION billing_bill_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'bills are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.outstanding > OLD.outstanding
       OR (to_jsonb(NEW) - 'outstanding' - 'payment_status') IS DISTINCT FROM
          (to_jsonb(OLD) - 'outstanding' - 'payment_status') THEN
        RAISE EXCEPTION 'a bill is corrected by another document, never edited' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_bill_kept BEFORE UPDATE OR DELETE ON billing_bill
    FOR EACH ROW EXECUTE FUNCTION billing_bill_kept();
"""

UNDO = """
DROP TRIGGER billing_bill_kept ON billing_bill;
DROP TRIGGER billing_account_kept ON billing_account;
DROP TRIGGER billing_hold_reserves ON billing_hold;
DROP TRIGGER billing_transfer_balances ON billing_entry;
DROP TRIGGER billing_entry_posts ON billing_entry;
DROP TRIGGER billing_tariff_immutable ON billing_tariff;
DROP TRIGGER billing_transfer_immutable ON billing_transfer;
DROP TRIGGER billing_entry_immutable ON billing_entry;
DROP FUNCTION billing_bill_kept();
DROP FUNCTION billing_account_kept();
DROP FUNCTION billing_hold_reserves();
DROP FUNCTION billing_transfer_balances();
DROP FUNCTION billing_entry_posts();
DROP FUNCTION billing_immutable();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunSQL(SQL, UNDO)]
