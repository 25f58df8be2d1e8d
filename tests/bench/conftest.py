"""Benchmarks are no tests: these files run in processes of their own, from their own folder."""

collect_ignore = [
    "campaigns.py",
    "growing.py",
    "measure.py",
    "rating_faults.py",
    "sides.py",
    "tasks",
]
