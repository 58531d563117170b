"""Sheets that hang on the wall: one QR for each connector, to print as PDF or SVG."""
