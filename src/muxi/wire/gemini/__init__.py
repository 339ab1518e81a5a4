"""Google's generateContent: https://ai.google.dev/api/generate-content.

`dialect` knows what differs between models, `request` writes bodies, `answer` reads streams.
"""
