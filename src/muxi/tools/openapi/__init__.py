"""OpenAPI documents as tools: read, pruned, and put in the words of JSON Schema.

Used by the tools `openapi`, and by the kit for the servers that it makes of such documents.
"""
