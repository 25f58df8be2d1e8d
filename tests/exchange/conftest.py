"""Fixtures are files, with the scripts of their tools beside them."""

collect_ignore_glob = ["fixtures/*"]
