"""Telling people things: rows first, senders later."""
