"""One agent: its definition, a turn, tool calls, output, guardrails and the run.

The run is one async generator of events. This room imports neither `mcp` nor `memory`.
"""
