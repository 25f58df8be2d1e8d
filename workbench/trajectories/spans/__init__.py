"""Spans of OpenTelemetry and its dialects as steps, and large files of them as columns."""
