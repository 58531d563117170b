"""Writes: facts in from chargers, orders out to them. Each module is one concern; call them by module."""
