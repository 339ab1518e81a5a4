"""Every statement of the store, as SQLAlchemy Core expressions over `storage.schema`.

Read only by `python -m muxi.storage.compile`, which turns them into the texts under `storage.sql`.
"""
