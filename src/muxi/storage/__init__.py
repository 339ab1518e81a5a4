"""Schema, transactions, journal, blobs and secrets on SQLite, PostgreSQL and in memory.

Store functions take a scoped transaction; there is no unscoped one outside migrations and named
system jobs.
"""
