/* Uses of the generated types. They compile only while the schema keeps the types that clients rely on. */
import type { ResultOf, TypedDocumentNode, VariablesOf } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { Analyzers, One, Page, Submit } from "./analyses";
import { Process } from "./batches";
import { WatchEvents } from "./live";

async function send<Result, Variables>(document: TypedDocumentNode<Result, Variables>, variables: Variables): Promise<Result> {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: print(document), variables }),
  });
  return ((await answer.json()) as { data: Result }).data;
}

export async function submitAndRead(text: string): Promise<string> {
  // Only the request is required: all other fields have defaults.
  const variables: VariablesOf<typeof Submit> = { input: { request: { text: { text } } } };
  const { analysis, userErrors } = (await send(Submit, variables)).submitAnalysis;
  if (!analysis) return userErrors.map((error) => `${error.code} at ${error.path?.join(".") ?? "?"}: ${error.message}`).join("\n");
  const again = (await send(One, { id: analysis.id })).analysis;
  const summary: string | undefined = again?.result?.summary;
  const fraction: number = analysis.progress.fraction;
  return summary ?? `${fraction}`;
}

export async function firstPage(): Promise<string[]> {
  const page = await send(Page, {});
  const total: number = page.analyses.totalCount;
  const cursor: string | null | undefined = page.analyses.pageInfo.endCursor;
  return [...page.analyses.nodes.map((node) => node.id), `${total}`, cursor ?? ""];
}

export async function names(): Promise<string[]> {
  return (await send(Analyzers, {})).analyzers.map((analyzer) => analyzer.name);
}

export async function batch(texts: string[]): Promise<number> {
  const items = texts.map((text) => ({ request: { text: { text } } }));
  return (await send(Process, { input: { items } })).batchProcess.batch?.totalItems ?? 0;
}

export function describe(event: ResultOf<typeof WatchEvents>["events"]): string {
  switch (event.__typename) {
    case "AnalysisEvent":
      return `${event.subjectId} is ${event.analysisStatus}`;
    case "BatchEvent":
      return `${event.processed} of ${event.totalItems}`;
    default:
      return "something newer than this client";
  }
}
