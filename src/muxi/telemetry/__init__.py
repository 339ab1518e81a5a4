"""Spans, metrics, structured logs and redaction, over the API of OpenTelemetry.

Called by every room above the ground. It never sends anything anywhere by itself.
"""
