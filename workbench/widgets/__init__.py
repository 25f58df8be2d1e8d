"""Panels for notebooks: they show and collect, and decide nothing."""
