// Mercurius with JIT on Fastify, over better-sqlite3 or pg: node mercurius.mjs DATABASE_URL PORT
import Fastify from "fastify";
import mercurius from "mercurius";
import { monotonicFactory } from "ulid";

const [url, port] = process.argv.slice(2);
const store = url.startsWith("sqlite:///")
  ? await (await import("./sqlite.mjs")).open(url.slice("sqlite:///".length))
  : await (await import("./postgresql.mjs")).open(url);

const schema = `
  type Language { code: String! name: String! score: Float! }
  type Sentiment { label: String! score: Float! }
  type Keyword { text: String! score: Float! count: Int! }
  interface AnalysisResult { score: Float tags: [String!]! summary: String! }
  type TextResult implements AnalysisResult {
    score: Float tags: [String!]! summary: String!
    language: Language sentiment: Sentiment keywords: [Keyword!]
  }
  type Analysis {
    id: ID! status: String! priority: Int! attempt: Int! maxAttempts: Int!
    createdAt: String! startedAt: String finishedAt: String processingTimeMs: Float result: AnalysisResult
  }
  type AnalysisConnection { nodes: [Analysis!]! }
  type Batch { id: ID! status: String! totalItems: Int! }
  type UserError { code: String! message: String! }
  type SubmitAnalysisPayload { analysis: Analysis userErrors: [UserError!]! }
  type BatchProcessPayload { batch: Batch userErrors: [UserError!]! }
  input TextRequest { text: String! }
  input AnalysisRequest { text: TextRequest! }
  input SubmitAnalysisInput { request: AnalysisRequest! }
  input BatchProcessInput { items: [SubmitAnalysisInput!]! }
  type Query { analysis(id: ID!): Analysis analyses(first: Int!, after: String): AnalysisConnection! }
  type Mutation {
    submitAnalysis(input: SubmitAnalysisInput!): SubmitAnalysisPayload!
    batchProcess(input: BatchProcessInput!): BatchProcessPayload!
  }
`;

const instant = (microseconds) =>
  microseconds === null ? null : new Date(Math.floor(Number(microseconds) / 1000)).toISOString();

const nextId = monotonicFactory();
const newId = (prefix) => `${prefix}_${nextId().toLowerCase()}`;
const state = '{"status":"QUEUED","attempt":0,"fraction":0.0,"step":null,"error":null}';
const options = '{"operations":["STATISTICS","LANGUAGE","SENTIMENT","KEYWORDS"],"language":null,"format":"AUTO"}';

function rowsOf(texts, batchId) {
  const now = Date.now() * 1000;
  const analyses = texts.map((text, position) => ({
    id: newId("analysis"), workspace: "default", batch_id: batchId, position, key: batchId && String(position),
    analyzer: "text", status: "QUEUED", priority: 5, turn: 0, input_text: text, input_bytes: Buffer.byteLength(text), options,
    options_bytes: options.length, input_form: 1, result_form: 0, progress: 0, attempt: 0, max_attempts: 3,
    timeout_seconds: 300, created_at: now, updated_at: now,
  }));
  const events = analyses.map(({ id }) => ({
    workspace: "default", type: "ANALYSIS_QUEUED", subject: id, batch_id: batchId, analyzer: "text",
    occurred_at: now, data: state,
  }));
  return { now, analyses, events };
}

async function submitAnalysis(_root, { input }) {
  const { now, analyses, events } = rowsOf([input.request.text.text], null);
  await store.insert({ analysis: analyses, event: events });
  return { analysis: { id: analyses[0].id, status: "QUEUED", created_at: now }, userErrors: [] };
}

async function batchProcess(_root, { input }) {
  const id = newId("batch");
  const { now, analyses, events } = rowsOf(input.items.map((item) => item.request.text.text), id);
  const batch = {
    id, workspace: "default", status: "QUEUED", total_items: analyses.length, queued: analyses.length, running: 0,
    processed: 0, failed: 0, canceled: 0, timed_out: 0, timeout_seconds: 300, deadline_at: now + 300_000_000,
    thinned: store.no, recent_ends: "[]", idle_time: 0, created_at: now, updated_at: now,
  };
  await store.insert({ batch: [batch], analysis: analyses, event: events });
  return { batch: { id, status: "QUEUED", totalItems: analyses.length }, userErrors: [] };
}

const app = Fastify();
await app.register(mercurius, {
  schema,
  jit: 1,
  resolvers: {
    AnalysisResult: { resolveType: () => "TextResult" },
    Analysis: {
      maxAttempts: (row) => row.max_attempts,
      createdAt: (row) => instant(row.created_at),
      startedAt: (row) => instant(row.started_at),
      finishedAt: (row) => instant(row.finished_at),
      processingTimeMs: (row) => row.processing_time_ms,
      result: (row) => (row.result === null ? null : JSON.parse(row.result)),
    },
    AnalysisConnection: { nodes: (rows) => rows },
    Query: {
      analysis: (_root, { id }) => store.one(id),
      analyses: (_root, { first, after }) => store.page(first, after),
    },
    Mutation: { submitAnalysis, batchProcess },
  },
});
await app.listen({ port: Number(port), host: "127.0.0.1" });
