"""Reads of the utility's part."""
