"""Files that agents left behind, and what is in them as JSON."""
