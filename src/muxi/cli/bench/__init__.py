"""`muxi bench`: measure what the server costs on this machine."""
