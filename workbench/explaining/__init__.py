"""Where and why two systems differ: slices, n-grams, disagreeing metrics, rows that decide."""
