/* The rules for schema/schema.graphql, run from the checkout's root. Each departure from the plugin's
   recommended sets says why. */
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
          // GraphQL's own, printed because Strawberry does.
          ignoredSelectors: ["[type=DirectiveDefinition][name.value=oneOf]"],
        },
      ],
      "@graphql-eslint/input-name": ["error", { checkInputType: true, caseSensitiveInputType: false }],
      "@graphql-eslint/no-scalar-result-type-on-mutation": "error",
      "@graphql-eslint/require-nullable-fields-with-oneof": "error",

      // Things with an id implement Node, whose `id: ID!` GraphQL itself demands of them. All other types are
      // values (progress, metrics, page info) that have no identity of their own.
      "@graphql-eslint/strict-id-in-types": "off",
      // An event is an entry of the log, found by its cursor; it has no id and so is no Node. Lists that are no
      // connections: `nodes` beside `edges` as GitHub has it, and bounded lists of values (tags, user errors).
      "@graphql-eslint/relay-edge-types": ["error", { shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
      // The log of events is read forwards only: `last` of a stream that grows has no lasting meaning.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
    },
  },
];
