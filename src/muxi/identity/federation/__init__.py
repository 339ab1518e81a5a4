"""Users who are known elsewhere: tokens of other issuers, and signing in with OpenID Connect.

Nothing is fetched, and no library of cryptography imported, before the first such user comes.
"""
