"""Payment gateways behind one small interface (``base.Gateway``). Pure clients: no models, no ledger."""
