"""Runs beside a reference and beside each other: matching, alignment, loops."""
