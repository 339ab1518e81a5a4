"""Language and embedding models: one protocol, one file a provider family, and small wrappers.

Agents call `Model.stream`; `runtime` resolves names through the catalogue. No module of this room
may be imported by `wire`, and none reads configuration: values are handed in.
"""
