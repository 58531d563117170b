"""Devices and peers that speak only the wire: they import nothing of the product they test."""
