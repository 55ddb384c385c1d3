/**
 * The texts of all operations as the pages send them, by their ids: a manifest of trusted documents for the server. The
 * cache adds `__typename` to the selections; operations that bypass it are sent as written.
 */
import { createHash } from 'node:crypto';
import { formatDocument, stringifyDocument } from '@urql/core';
import { Kind, type DocumentNode } from 'graphql';
import * as generated from './src/data/gql/graphql';
import { DOCUMENTS } from './src/data/operations';

const isOperation = (value: unknown): value is DocumentNode =>
  (value as DocumentNode | undefined)?.kind === Kind.DOCUMENT &&
  (value as DocumentNode).definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION);

const generatedTexts = Object.values(generated)
  .filter(isOperation)
  .flatMap((document) => [stringifyDocument(document), stringifyDocument(formatDocument(document))]);
const written = Object.values(DOCUMENTS);
const texts = [...generatedTexts, ...written, ...written.map(stringifyDocument)];

export const manifest = Object.fromEntries(
  texts.map((text) => [`sha256:${createHash('sha256').update(text).digest('hex')}`, text]),
);
