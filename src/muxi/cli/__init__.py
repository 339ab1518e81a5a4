"""The `muxi` command, one file per command. Data on stdout, everything else on stderr.

It speaks to a server through `client`; when none runs it starts one inside its own process.
"""
