"""The WebSocket at `/ws`: many threads over one connection, live and in one order.

Loaded with the first connection: whoever needs none pays nothing for it.
"""
