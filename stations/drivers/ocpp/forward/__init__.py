"""Copies of a charger's messages for a second central system (docs/forwarding.md, ADR 14).

Runs in ``manage.py forward``, away from the chargers' own lines: it reads what they said from the
database and can neither delay nor break a charge.
"""
