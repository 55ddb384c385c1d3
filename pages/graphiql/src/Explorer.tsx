/** GraphiQL's explorer, with a name for its menu of operation types. */
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { type GraphiQLPlugin, useGraphiQL } from '@graphiql/react';
import { useEffect } from 'react';

const { content: Content, ...plugin } = explorerPlugin({ showAttribution: false });

function Panel() {
  const schema = useGraphiQL((state) => state.schema);
  useEffect(() => {
    document.querySelector('.graphiql-explorer-root select')?.setAttribute('aria-label', 'Type of the new operation');
  }, [schema]);
  return <Content />;
}

export const EXPLORER_PLUGIN: GraphiQLPlugin = { ...plugin, content: Panel };
