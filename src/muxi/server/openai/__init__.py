"""The OpenAI-compatible API: agents as models, chat completions, responses, files.

Adapters over the events of runs. Translations of values are in `wire`; nothing here decides
anything about agents.
"""
