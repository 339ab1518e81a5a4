"""What a project declares, read from muxi.yaml and validated with file and line.

Data only: `runtime` turns it into live objects. Nothing here opens a connection.
"""
