/* The rules for schema/schema.graphql, run from the checkout's root. Each change of the plugin's recommended sets has its
   reason. */
import graphql from "@graphql-eslint/eslint-plugin";

const recommended = graphql.configs["flat/schema-recommended"].rules;
const relay = graphql.configs["flat/schema-relay"].rules;

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: "schema/schema.graphql" } },
    },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...recommended,
      ...relay,
      "@graphql-eslint/require-description": [
        "error",
        {
          types: true,
          rootField: true,
          FieldDefinition: true,
          InputValueDefinition: true,
          EnumValueDefinition: true,
          DirectiveDefinition: true,
          // A directive of GraphQL itself, which Strawberry prints.
          ignoredSelectors: ["[type=DirectiveDefinition][name.value=oneOf]"],
        },
      ],
      "@graphql-eslint/input-name": ["error", { checkInputType: true, caseSensitiveInputType: false }],
      "@graphql-eslint/no-scalar-result-type-on-mutation": "error",
      "@graphql-eslint/require-nullable-fields-with-oneof": "error",

      // Types with an id implement Node, which requires `id: ID!`. All other types are values without an identity (progress,
      // metrics, page info).
      "@graphql-eslint/strict-id-in-types": "off",
      // An event has a cursor and no id, so it is not a Node. Lists that are not connections: `nodes` beside `edges`, as in
      // GitHub's API, and bounded lists of values (tags, user errors).
      "@graphql-eslint/relay-edge-types": ["error", { shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
      // The event log is read forwards only: `last` has no stable meaning in a growing log.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
    },
  },
];
