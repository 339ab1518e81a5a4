"""Key services: what keeps the key that a project's master keys are wrapped with.

A service is a program that speaks a protocol of one line each way; see `command`. `local` is one.
"""
