/**
 * The texts of all operations as the pages send them, by their ids: a manifest of trusted documents for the server. The
 * cache adds `__typename` to the selections. Subscriptions are sent as written.
 */
import { createHash } from 'node:crypto';
import { createRequest, formatDocument, stringifyDocument } from '@urql/core';
import { Kind, type DocumentNode } from 'graphql';
import * as generated from './src/data/gql/graphql.ts';
import { DOCUMENTS } from './src/data/operations.ts';

const isOperation = (value: unknown): value is DocumentNode =>
  (value as DocumentNode | undefined)?.kind === Kind.DOCUMENT &&
  (value as DocumentNode).definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION);

const written = Object.values(DOCUMENTS);
const formatted = [...Object.values(generated).filter(isOperation), ...written].flatMap((document) => {
  const { query } = createRequest(document, {});
  return [stringifyDocument(query), stringifyDocument(formatDocument(query))];
});

export const manifest = Object.fromEntries(
  [...written, ...formatted].map((text) => [`sha256:${createHash('sha256').update(text).digest('hex')}`, text]),
);
