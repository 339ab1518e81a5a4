"""An OpenAPI document to the tools of a server: read, pruned, and put in the words of MCP."""
