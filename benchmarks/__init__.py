"""What the product reaches on this machine, as ratios of one run: ``make bench``."""
