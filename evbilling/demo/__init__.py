"""Example data for ``make demo``: invented companies, people and charges. Real use never loads it."""
