"""Pure translations between our messages and events and the formats of the field, for both sides.

Imports `core` only. Nothing here opens a connection, and no format knows another.
"""
