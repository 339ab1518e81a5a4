"""What runs without any key or server: a small language model, embeddings, and the choice of tools.

`runtime` makes `model.EmbeddedModel`, `static.StaticEmbedder` and `minilm.MiniLMEmbedder`; nothing
else in here is called from outside. Importing this package loads nothing heavy.
"""
