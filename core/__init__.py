"""The ground that every app may use: errors, outbox, audit, leases, soft delete, Thai order.

It knows no app and stays small (tests/test_guards.py holds the line).
"""
