"""The audit log: entries that are linked by hashes and sealed by signatures, and their verifier.

Used by `runtime` and, for the verifier alone, by the command line. It must never hold contents.
"""
