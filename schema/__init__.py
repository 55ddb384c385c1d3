"""What clients see: a lens over rows and results. `schema.build` makes the schema, `schema.graphql` is it in print."""
