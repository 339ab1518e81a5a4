"""The Messages format of Anthropic: https://platform.claude.com/docs/en/api/messages.

`dialect` knows what differs between models, `request` writes bodies, `answer` reads streams.
"""
