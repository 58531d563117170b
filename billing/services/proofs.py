"""What the ledger must say of payments, refunds and purchases: each counts the rows that do not fit."""

# Deposits of payments for charges to come: paid, neither billed nor owed back yet.
_WAITING = """
    SELECT p.company_id, p.captured FROM billing_payment p
      LEFT JOIN billing_purchase u ON u.payment_id = p.id
     WHERE p.purpose = 'charge' AND p.state = 'paid' AND NOT p.hold
       AND coalesce(u.state, '') NOT IN ('done', 'returned')
       AND NOT EXISTS (SELECT 1 FROM billing_refund r WHERE r.payment_id = p.id)
"""

CHECKS = {
    "clearing_off_payments": """
        SELECT count(*) FROM billing_account a WHERE a.kind = 'gateway_clearing' AND a.balance <>
            coalesce((SELECT sum(p.captured - p.refunded - p.fee - p.fee_vat) FROM billing_payment p
                       WHERE p.company_id = a.company_id AND p.gateway = a.gateway
                         AND p.tax_entity_id IS NOT DISTINCT FROM a.tax_entity_id), 0)
          - coalesce((SELECT sum(s.net) FROM billing_settlementrow s
                       WHERE s.company_id = a.company_id AND s.gateway = a.gateway
                         AND s.tax_entity_id IS NOT DISTINCT FROM a.tax_entity_id
                         AND s.transfer_id IS NOT NULL), 0)""",
    "card_holds_off_payments": """
        SELECT count(*) FROM billing_account a WHERE a.kind = 'card_due' AND a.held <>
            coalesce((SELECT sum(p.authorised) FROM billing_payment p
                       WHERE p.state = 'authorised' AND p.hold AND p.gateway = a.gateway
                         AND p.company_id = a.company_id
                         AND p.tax_entity_id IS NOT DISTINCT FROM a.tax_entity_id), 0)""",
    "card_bills_not_captured": """
        SELECT count(*) FROM (
            SELECT t.payment_id FROM billing_entry e
              JOIN billing_account a ON a.id = e.account_id AND a.kind = 'card_due'
              JOIN billing_transfer t ON t.id = e.transfer_id
              JOIN billing_payment p ON p.id = t.payment_id
             WHERE p.state IN ('paid', 'released') GROUP BY 1 HAVING sum(e.amount) > 0) x""",
    "refunds_off_payable": """
        SELECT count(*) FROM users_company c
         WHERE coalesce((SELECT sum(balance) FROM billing_account a
                          WHERE a.company_id = c.id AND a.kind = 'refund_payable'), 0)
            <> coalesce((SELECT sum(amount) FROM billing_refund r
                          WHERE r.company_id = c.id AND r.state <> 'done'), 0)""",
    "deposits_off_purchases": f"""
        SELECT count(*) FROM users_company c
         WHERE coalesce((SELECT sum(balance) FROM billing_account a
                          WHERE a.company_id = c.id AND a.kind = 'guest_deposit'), 0)
            <> coalesce((SELECT sum(w.captured) FROM ({_WAITING}) w
                          WHERE w.company_id = c.id), 0)""",  # noqa: S608 (constants)
    "charged_and_refunded": """
        SELECT count(*) FROM billing_payment p
         WHERE p.purpose = 'charge' AND p.state = 'paid' AND p.captured <
            coalesce((SELECT sum(amount) FROM billing_refund r WHERE r.payment_id = p.id), 0)
          + coalesce((SELECT sum(e.amount) FROM billing_entry e
                       JOIN billing_transfer t ON t.id = e.transfer_id AND t.kind = 'charge'
                       JOIN billing_account a ON a.id = e.account_id
                      WHERE t.payment_id = p.id AND a.kind IN ('guest_deposit', 'card_due')), 0)""",
    "started_unpaid": """
        SELECT count(*) FROM billing_purchase u LEFT JOIN billing_payment p ON p.id = u.payment_id
         WHERE u.state IN ('paid', 'charging', 'done')
           AND coalesce(p.state, '') NOT IN ('authorised', 'paid', 'released')""",
}
