"""Writes about people. Each module is one concern; call them by module."""
