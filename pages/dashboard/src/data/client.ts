/**
 * Queries and mutations, over HTTP, with a normalized cache. While the connection to the server is lost, queries wait for it
 * and mutations are refused: the server may have executed a mutation without a response, so none is sent twice.
 */
import { cacheExchange } from '@urql/exchange-graphcache';
import { Client, fetchExchange, type ClientOptions, type AnyVariables, type CombinedError, type DocumentInput } from '@urql/core';
import { GRAPHQL } from './address';
import { send } from './session';
import { connected, isLost } from './socket';

const options: Omit<ClientOptions, 'exchanges'> = {
  url: GRAPHQL,
  preferGetMethod: false,
  fetch: async (...request) => {
    await connected();
    return send(...request);
  },
};

export const client = new Client({ ...options, exchanges: [cacheExchange(), fetchExchange] });

/** Without the cache, which would keep each answer to a page that asks the same thing every few seconds. */
const uncached = new Client({ ...options, exchanges: [fetchExchange] });

/** Returns the server's first message, or one about the connection. */
export function messageOf(error: CombinedError): string {
  if (error.networkError) return `The server did not respond: ${error.networkError.message}.`;
  return error.graphQLErrors[0]?.message ?? error.message;
}

/** Returns all messages of the server about an operation that `mutate` has sent. */
export const messagesOf = ({ cause }: Error) => ((cause as CombinedError | undefined)?.graphQLErrors ?? []).map(({ message }) => message);

/** Asks the server, not the cache, which takes the answer. */
export async function query<T, V extends AnyVariables = AnyVariables>(document: DocumentInput<T, V>, variables: V): Promise<T> {
  const { data, error } = await client.query<T, V>(document, variables, { requestPolicy: 'network-only' }).toPromise();
  if (error) throw new Error(messageOf(error));
  return structuredClone(data!); // the cache keeps its own
}

/** Asks for figures that no other page has in the cache. */
export async function figures<T, V extends AnyVariables = AnyVariables>(document: DocumentInput<T, V>, variables: V): Promise<T> {
  const { data, error } = await uncached.query<T, V>(document, variables).toPromise();
  if (error) throw new Error(messageOf(error));
  return data!;
}

/** Sends a mutation that changes nothing, such as a dry run. It waits for a lost connection, and may be sent twice. */
export async function rehearse<T, V extends AnyVariables = AnyVariables>(document: DocumentInput<T, V>, variables: V): Promise<T> {
  const { data, error } = await uncached.mutation<T, V>(document, variables).toPromise();
  if (error) throw new Error(messageOf(error));
  return data!;
}

/** Throws an error with the first message. Its cause has all. */
export async function mutate<T, V extends AnyVariables = AnyVariables>(document: DocumentInput<T, V>, variables: V): Promise<T> {
  if (isLost()) throw new Error('There is no connection to the server: nothing was sent.');
  const { data, error } = await client.mutation<T, V>(document, variables).toPromise();
  if (error?.networkError) throw new Error('The connection was lost before the response: the server may have executed the operation.');
  if (error) throw new Error(messageOf(error), { cause: error });
  return data!;
}
