"""Who belongs to whom: companies, tax entities, admins, customers, cards, messages to people."""
