"""The GraphQL types: a lens over rows and results. `schema.build` builds the schema; `schema.graphql` is its SDL."""
