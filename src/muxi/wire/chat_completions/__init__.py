"""OpenAI's chat completions, https://platform.openai.com/docs/api-reference/chat, and its dialects.

`request` writes questions, `answer` reads streams, `chunks` holds the types of both directions and
`quirks` what providers do differently. Called by `models.chat_completions` and by the server.
"""
