"""Writes of the utility's part."""
