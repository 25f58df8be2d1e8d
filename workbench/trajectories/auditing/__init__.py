"""Audit logs that show every change, and policies as code."""
