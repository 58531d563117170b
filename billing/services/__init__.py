"""Writes of money. Each module is one concern; call them by module."""
