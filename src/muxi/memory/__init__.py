"""What of the past enters a turn: history within a token budget.

Knows neither agents nor models; token counting is handed in.
"""
