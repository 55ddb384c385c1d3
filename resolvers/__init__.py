"""What each field does. A resolver takes the context and plain values, and returns rows; it knows no GraphQL type."""
