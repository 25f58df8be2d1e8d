"""Worlds, suite and page are scripts: they find each other beside them, and hold no tests."""

collect_ignore = ["page.py", "suite.py", "worlds.py"]
