/** Submitting one analysis, or a batch. */
import { messagesOf, mutate } from '../../data/client';
import {
  SubmitAnalysisDocument,
  SubmitBatchDocument,
  type SubmitAnalysisMutation,
  type SubmitAnalysisMutationVariables,
  type SubmitBatchMutation,
  type SubmitBatchMutationVariables,
} from '../../data/gql/graphql';
import type { Settings } from './draft';
import type { Item } from './items';
import { linesOf, outcomeOf, type Outcome } from './outcome';

/** Returns a random key. `crypto.randomUUID` is missing on pages loaded over plain HTTP from another machine. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Returns the numbers of the settings. An empty one means the default. */
function numbers({ priority, timeoutSeconds, maxAttempts }: Settings) {
  const number = (text: string) => (text.trim() ? Number(text) : null);
  return { priority: number(priority), timeoutSeconds: number(timeoutSeconds), maxAttempts: number(maxAttempts) };
}

/** The types know the built-in analyzers alone: the server checks the request. */
type Request = SubmitAnalysisMutationVariables['input']['request'];

export async function submitOne(analyzer: string, request: Record<string, unknown>, settings: Settings): Promise<Outcome> {
  const input = { request: { [analyzer]: request } as unknown as Request, ...numbers(settings), idempotencyKey: newKey() };
  const { submitAnalysis } = await mutate<SubmitAnalysisMutation, SubmitAnalysisMutationVariables>(SubmitAnalysisDocument, { input });
  return outcomeOf(submitAnalysis.analysis?.id, submitAnalysis.userErrors, []);
}

export async function submitBatch(analyzer: string, options: Record<string, unknown>, items: Item[], settings: Settings): Promise<Outcome> {
  const { priority, ...rest } = numbers(settings);
  const input = {
    name: settings.name.trim() || null,
    items: items.map((item) => ({
      key: item.key,
      priority: item.priority ?? priority,
      request: (item.request ?? { [analyzer]: { ...options, ...item.values } }) as unknown as Request,
    })),
    ...rest,
    idempotencyKey: newKey(),
  };
  try {
    const { batchProcess } = await mutate<SubmitBatchMutation, SubmitBatchMutationVariables>(SubmitBatchDocument, { input });
    return outcomeOf(batchProcess.batch?.id, batchProcess.userErrors, items);
  } catch (error) {
    const lines = linesOf(messagesOf(error as Error), items);
    if (!lines.length) throw error;
    return { id: null, faults: {}, lines };
  }
}
