"""Who uses a project: tenants, users, groups, service accounts, and what each of them shows.

Stands on `storage`; knows no door, no run and no agent.
"""
