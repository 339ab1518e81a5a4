"""The terminal chat: `command` starts it, `screen` shows it, `prompt` asks."""
