"""The vocabulary of muxi: messages, events, usage, context, errors, ids and the ports.

Every other room imports this one and it imports none of them. It holds data and protocols, and
must never open a connection, read the environment or know a provider, a database or a door.
"""
