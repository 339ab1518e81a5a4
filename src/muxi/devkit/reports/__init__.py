"""What a check of the kit found, and the forms in which it is told: words, JSON, JUnit, SARIF."""

from __future__ import annotations
