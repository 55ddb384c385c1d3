"""The training of the weights in `analyzers/text/weights`, from named public data."""
