"""Money: prices, tariffs, the ledger, bills."""
