"""OpenAI's Responses format: https://platform.openai.com/docs/api-reference/responses.

`dialect` knows what differs between models, `request` writes bodies, `answer` reads streams.
"""
