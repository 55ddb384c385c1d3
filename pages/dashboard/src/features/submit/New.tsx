/** A new analysis, or a batch of many. The form is made from the schema of the analyzer's request. */
import { useQuery } from '@urql/preact';
import { useLocation } from 'preact-iso';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { href } from '../../data/address';
import { messageOf, query as ask } from '../../data/client';
import { FormsDocument, InputOfDocument, type FormsQuery } from '../../data/gql/graphql';
import { changed, useQueryState } from '../../data/lists';
import { PageHead } from '../../ui/PageHead';
import { Blank, Fault, Loading } from '../../ui/states';
import { Tabs } from '../../ui/Tabs';
import { toast } from '../../ui/toast';
import { read, useKept, type Draft } from './draft';
import { Form } from './Form';
import { entriesOf, fieldsOf, type Field, type Schema } from './schema';
import './submit.css';

export type Analyzer = FormsQuery['analyzers'][number];

const fieldsOfAnalyzer = (analyzer: Analyzer): Field[] => fieldsOf(analyzer.requestSchema as Schema, analyzer.optionsSchema as Schema);

/** Fills the form with the input of an analysis, and names its analyzer in the address. */
function useRunAgain(analyzers: Analyzer[], set: (change: (draft: Draft) => Draft) => void): boolean {
  const { route } = useLocation();
  const { from } = useQueryState();
  useEffect(() => {
    if (!from || !analyzers.length) return;
    let isCurrent = true;
    const fill = async () => {
      const { analysis } = await ask(InputOfDocument, { id: from });
      const analyzer = analyzers.find(({ name }) => name === analysis?.analyzer.name);
      if (!isCurrent) return;
      if (!analysis || !analyzer) throw new Error(analysis ? `This server has no analyzer ${analysis.analyzer.name}.` : 'It does not exist, or was deleted.');
      const fields = fieldsOfAnalyzer(analyzer);
      const content = fields.find(({ isContent }) => isContent);
      const values = { ...(analysis.options as Record<string, unknown>), ...(content && { [content.name]: analysis.inputText ?? analysis.inputData }) };
      set((draft) => ({
        ...draft,
        entries: { ...draft.entries, [analyzer.name]: entriesOf(fields, values) },
        settings: { ...draft.settings, priority: String(analysis.priority), maxAttempts: String(analysis.maxAttempts) },
      }));
      route(href('new', { analyzer: analyzer.name }), true);
    };
    fill().catch((error: Error) => {
      if (!isCurrent) return;
      toast(`The input of the analysis could not be read. ${error.message}`, 'failed');
      route(href('new'), true);
    });
    return () => void (isCurrent = false);
  }, [from, analyzers]);
  return Boolean(from);
}

function Chosen({ analyzers }: { analyzers: Analyzer[] }) {
  const query = useQueryState();
  const { route } = useLocation();
  const [draft, setDraft] = useState(read);
  useKept(draft);
  const isFilling = useRunAgain(analyzers, setDraft);
  const named = (wanted: string | undefined) => analyzers.find(({ name }) => name === wanted);
  const analyzer = named(query.analyzer) ?? named(draft.analyzer) ?? analyzers[0]!;
  const fields = useMemo(() => fieldsOfAnalyzer(analyzer), [analyzer]);
  const isMany = query.mode === 'many';
  if (isFilling) return <Loading />;
  return (
    <>
      <Tabs
        label="Number of analyses"
        tabs={[
          { name: 'One', href: href('new', { ...query, mode: null }), isCurrent: !isMany },
          { name: 'Many', href: href('new', { ...query, mode: 'many' }), isCurrent: isMany },
        ]}
      />
      <div class="analyzer">
        <label for="analyzer">Analyzer</label>
        <select
          id="analyzer"
          value={analyzer.name}
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            setDraft((draft) => ({ ...draft, analyzer: chosen }));
            route(href('new', changed(query, { analyzer: chosen })));
          }}
        >
          {analyzers.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <span class="quiet">{analyzer.description}</span>
      </div>
      <Form key={`${analyzer.name} ${isMany}`} analyzer={analyzer.name} fields={fields} isMany={isMany} draft={draft} set={setDraft} />
    </>
  );
}

export default function New() {
  const [{ data, error }, execute] = useQuery({ query: FormsDocument });
  return (
    <>
      <PageHead title="New analysis" />
      {error && !data && <Fault message={`The analyzers could not be read. ${messageOf(error)}`} again={() => execute({ requestPolicy: 'network-only' })} />}
      {!data && !error && <Loading />}
      {data?.analyzers.length === 0 && <Blank>This server has no analyzer.</Blank>}
      {data && data.analyzers.length > 0 && <Chosen analyzers={data.analyzers} />}
    </>
  );
}
