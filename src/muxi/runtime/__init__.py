"""The living project: configuration turned into live objects, and the services that doors call.

The only room that puts others together. It must not know HTTP or the terminal.
"""
