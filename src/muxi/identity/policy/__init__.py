"""Decides what callers may do, by Cedar: rules are translated, asked, and explained.

Used by `runtime.guard`. It must never look at data: it is given who asks, for what, upon what.
"""
