"""Starts, watches and stops the embedded servers and the product's own processes.

Imports no Django: what runs above must come up, and say why it does not, before Django can.
"""
