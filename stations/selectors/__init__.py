"""Reads of things."""
