"""The text analyzer's methods, one module a subject; `analyzers/text.py` puts them together."""
