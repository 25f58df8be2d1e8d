"""Fixtures are data; the scripts that made them need what is no dependency."""

collect_ignore_glob = ["fixtures/*"]
