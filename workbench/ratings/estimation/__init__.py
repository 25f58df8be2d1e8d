"""The figures behind agreement and ranking: counts, models and their spread."""
