/** Retrying and canceling, of one analysis or of the selected ones. */
import { count } from '../data/clock';
import { mutate } from '../data/client';
import { CancelAnalysisDocument, RetryAnalysisDocument } from '../data/gql/graphql';
import { toast } from './toast';

/** Returns the server's refusal, or null. */
export async function retry(id: string): Promise<string | null> {
  const { retryAnalysis } = await mutate(RetryAnalysisDocument, { id });
  return retryAnalysis.userErrors[0]?.message ?? null;
}

export async function cancel(id: string): Promise<string | null> {
  const { cancelAnalysis } = await mutate(CancelAnalysisDocument, { id });
  return cancelAnalysis.userErrors[0]?.message ?? null;
}

/** Acts on each, one after another, and says how it went. */
export async function each(ids: string[], act: (id: string) => Promise<string | null>, done: string): Promise<void> {
  const refusals: string[] = [];
  try {
    for (const id of ids) {
      const refusal = await act(id);
      if (refusal) refusals.push(refusal);
    }
  } catch (error) {
    refusals.push((error as Error).message);
  }
  const succeeded = ids.length - refusals.length;
  if (refusals.length === 0) toast(`${done} ${ids.length === 1 ? '1 analysis' : `${count(ids.length)} analyses`}.`);
  else toast(`${done} ${succeeded} of ${ids.length}. ${refusals[0]}`, 'failed');
}
