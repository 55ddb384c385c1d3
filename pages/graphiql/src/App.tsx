import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import { EXAMPLES_PLUGIN } from './Examples';
import { WELCOME } from './examples';
import { fetcher } from './fetcher';
import { StatusLine } from './StatusLine';
import { storage } from './storage';
import { SystemTheme } from './SystemTheme';

const EXPLORER_PLUGIN = explorerPlugin({ showAttribution: false });
const PLUGINS = [EXAMPLES_PLUGIN, EXPLORER_PLUGIN, HISTORY_PLUGIN];

const STORAGE = storage();

/** The Examples panel is open on the first visit; later visits keep the last state. */
const VISIBLE = STORAGE.getItem('graphiql:visiblePlugin') === null ? EXAMPLES_PLUGIN : '';

/** GraphiQL with Assay's plugins. Headers are kept until the page is closed. */
export function App() {
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={PLUGINS}
      visiblePlugin={VISIBLE}
      defaultQuery={WELCOME}
      defaultEditorToolsVisibility="variables"
      storage={STORAGE}
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>
        <a className="logo" href="/graphql">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M16 1.5 28.6 8.8v14.4L16 30.5 3.4 23.2V8.8z" fill="#0f766e" />
            <path d="M10.5 21.5v-5M16 21.5v-11M21.5 21.5v-8" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
          </svg>
          Assay
        </a>
      </GraphiQL.Logo>
      <GraphiQL.Footer>
        <StatusLine />
        <SystemTheme />
      </GraphiQL.Footer>
    </GraphiQL>
  );
}
