/** The page's query outside the page: in GraphiQL, and as a command of curl. */
import { stringifyDocument, type TypedDocumentNode } from '@urql/core';
import type { ComponentChildren } from 'preact';
import { GRAPHQL } from '../data/address';
import { Icon } from './Icon';
import { Menu } from './Menu';
import { toast } from './toast';

interface Props {
  document: TypedDocumentNode<any, any>;
  variables: object;
  /** Entries before those of the query. */
  children?: ComponentChildren;
}

/** Returns a text in single quotes of a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

export function curlOf(query: string, variables: object): string {
  return `curl ${quoted(GRAPHQL)} -H 'content-type: application/json' -d ${quoted(JSON.stringify({ query, variables }))}`;
}

export function Api({ document, variables, children }: Props) {
  const query = stringifyDocument(document);
  const hash = `query=${encodeURIComponent(query)}&variables=${encodeURIComponent(JSON.stringify(variables, null, 2))}`;
  const copy = () =>
    navigator.clipboard
      ? navigator.clipboard.writeText(curlOf(query, variables)).then(
          () => toast('The command was copied.'),
          () => toast('The browser refused to copy the command.', 'failed'),
        )
      : toast('The browser copies only on pages loaded over HTTPS.', 'failed');
  return (
    <Menu label={<Icon name="more" />} name="More" class="icon-button" closes>
      <div class="entries">
        {children}
        <a href={`${GRAPHQL}#${hash}`}>Open in GraphiQL</a>
        <button type="button" onClick={() => void copy()}>
          Copy as curl
        </button>
      </div>
    </Menu>
  );
}
