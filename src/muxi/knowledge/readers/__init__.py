"""One reader a format: bytes of a document into blocks. Called in the converting process only."""
