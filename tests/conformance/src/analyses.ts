/* Operations on single analyses. The tests compile them and validate them against the printed schema. */
import { graphql } from "./generated";

export const AnalysisParts = graphql(`
  fragment AnalysisParts on Analysis {
    id
    key
    status
    analyzer {
      id
      name
      version
    }
    priority
    inputText
    inputData
    options
    result {
      __typename
      score
      tags
      summary
      data
      ... on TextResult {
        languageUsed
        statistics {
          words
          sentences
          readability {
            readingEase
          }
        }
        language {
          code
          reliable
        }
        sentiment {
          label
          score
        }
        keywords {
          text
          score
          begin
          end
        }
        topics {
          label
        }
        entities {
          text
          type
        }
        textSummary {
          text
        }
        unavailable {
          operation
          reason
          message
        }
      }
    }
    error {
      code
      message
      retryable
    }
    progress {
      fraction
      step
      etaSeconds
    }
    attempt
    maxAttempts
    createdAt
    updatedAt
    startedAt
    finishedAt
    processingTimeMs
    batch {
      id
    }
    events(first: 5) {
      edges {
        cursor
        node {
          cursor
          type
          occurredAt
        }
      }
    }
  }
`);

export const Submit = graphql(`
  mutation SubmitAnalysis($input: SubmitAnalysisInput!) {
    submitAnalysis(input: $input) {
      analysis {
        ...AnalysisParts
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`);

export const Cancel = graphql(`
  mutation CancelAnalysis($input: CancelAnalysisInput!) {
    cancelAnalysis(input: $input) {
      analysis {
        id
        status
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`);

export const Retry = graphql(`
  mutation RetryAnalysis($input: RetryAnalysisInput!) {
    retryAnalysis(input: $input) {
      analysis {
        id
        status
        attempt
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`);

export const Delete = graphql(`
  mutation DeleteAnalysis($input: DeleteAnalysisInput!) {
    deleteAnalysis(input: $input) {
      deletedId
      userErrors {
        code
        message
        path
      }
    }
  }
`);

export const One = graphql(`
  query Analysis($id: ID!) {
    analysis(id: $id) {
      ...AnalysisParts
    }
  }
`);

export const Page = graphql(`
  query Analyses($filter: AnalysisFilter, $orderBy: AnalysisOrder, $first: Int, $after: String) {
    analyses(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          status
        }
      }
      nodes {
        id
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      totalCount
    }
  }
`);

export const PageBack = graphql(`
  query AnalysesBefore($last: Int, $before: String) {
    analyses(last: $last, before: $before) {
      nodes {
        id
      }
      pageInfo {
        hasPreviousPage
        startCursor
      }
    }
  }
`);

export const Node = graphql(`
  query Node($id: ID!, $ids: [ID!]!) {
    node(id: $id) {
      __typename
      id
      ... on Analysis {
        status
      }
      ... on Batch {
        totalItems
      }
    }
    nodes(ids: $ids) {
      __typename
      id
    }
  }
`);

export const Analyzers = graphql(`
  query Analyzers {
    analyzers {
      id
      name
      description
      version
      scoreMeaning
      mediaTypes
      optionsSchema
      resultTypeName
    }
  }
`);
