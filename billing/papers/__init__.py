"""Documents on paper: A4 and the 80 mm roll, Thai with English beside it, the same bytes for the same row."""
