"""What payment gateways tell us: kept once, answered at once, believed only after a look."""
