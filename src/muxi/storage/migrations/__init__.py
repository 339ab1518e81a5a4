"""The steps from each schema to the next and back, run by Alembic.

Each is a file under `versions`, named by its number, and none may be changed after a release. A
step first expands: what an older program needs stays until a later release contracts it.
"""
