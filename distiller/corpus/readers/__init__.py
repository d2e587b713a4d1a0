"""One reader per kind of file; each gives blocks."""
