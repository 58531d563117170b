"""How chargers are spoken to: one package per protocol, one interface."""
