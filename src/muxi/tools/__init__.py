"""Functions into tools, toolsets and their combinators, and the built-in tools.

Everything a model may call is a `Toolset`. This room knows neither agents nor models.
"""
