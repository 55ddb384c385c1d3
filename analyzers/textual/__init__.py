"""The operations of the text analyzer, one module each. `analyzers/text.py` combines them."""
