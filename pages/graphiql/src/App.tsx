import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import { EXAMPLES_PLUGIN } from './Examples';
import { WELCOME } from './examples';
import { EXPLORER_PLUGIN } from './Explorer';
import { fetcher } from './fetcher';
import { Header } from './Header';
import { takeLinked } from './linked';
import { LinkedDocument } from './LinkedDocument';
import { isNarrow } from './narrow';
import { StatusLine } from './StatusLine';
import { SignIn } from './SignIn';
import { storage } from './storage';
import { SystemTheme } from './SystemTheme';
import { TabList } from './TabList';

const PLUGINS = [EXAMPLES_PLUGIN, EXPLORER_PLUGIN, HISTORY_PLUGIN];

const STORAGE = storage();
const LINKED = takeLinked();
const INITIAL = LINKED && { initialQuery: LINKED.query, initialVariables: LINKED.variables };

/** The Examples panel is open on the first visit; later visits keep the last state. Narrow windows open without a panel. */
const VISIBLE = !isNarrow() && STORAGE.getItem('graphiql:visiblePlugin') === null ? EXAMPLES_PLUGIN : '';

/** GraphiQL with Assay's plugins. Headers are kept until the page is closed. */
export function App() {
  return (
    <>
      <Header />
      <SignIn />
      <main>
        <GraphiQL
          {...INITIAL}
          fetcher={fetcher}
          plugins={PLUGINS}
          visiblePlugin={VISIBLE}
          defaultQuery={WELCOME}
          defaultEditorToolsVisibility={!isNarrow() || Boolean(LINKED?.variables) ? 'variables' : false}
          storage={STORAGE}
          shouldPersistHeaders={false}
          showPersistHeadersSettings={false}
          inputValueDeprecation
          schemaDescription
        >
          <GraphiQL.Logo>{null}</GraphiQL.Logo>
          <GraphiQL.Footer>
            <StatusLine />
            <SystemTheme />
            <TabList />
            <LinkedDocument />
          </GraphiQL.Footer>
        </GraphiQL>
      </main>
    </>
  );
}
