/** The form of one analyzer, for one analysis or for many. A submitted analysis or batch is opened at once. */
import { useLocation } from 'preact-iso';
import { useMemo, useRef, useState } from 'preact/hooks';
import { hrefOf } from '../../data/address';
import { count, plural } from '../../data/clock';
import { toast } from '../../ui/toast';
import { keep, type Draft, type Settings } from './draft';
import { described, FieldOf, Labeled } from './Fields';
import { parse, type Fault } from './items';
import { Faults, Many } from './Many';
import type { Outcome } from './outcome';
import { entryOf, fitting, requestOf, type Entry, type Faults as FieldFaults, type Field } from './schema';
import { submitBatch, submitOne } from './send';

interface Props {
  analyzer: string;
  fields: Field[];
  isMany: boolean;
  draft: Draft;
  set: (change: (draft: Draft) => Draft) => void;
}

interface SettingProps {
  name: keyof Settings;
  label: string;
  help: string;
  least: number;
  most: number;
  draft: Draft;
  fault: string | undefined;
  change: (name: keyof Settings, value: string) => void;
}

function Setting({ name, label, help, least, most, draft, fault, change }: SettingProps) {
  const id = `setting-${name}`;
  return (
    <Labeled id={id} label={label} help={help} fault={fault}>
      <input {...described(id, fault)} type="number" min={least} max={most} required value={draft.settings[name]} onInput={(event) => change(name, event.currentTarget.value)} />
    </Labeled>
  );
}

export function Form({ analyzer, fields, isMany, draft, set }: Props) {
  const { route } = useLocation();
  const [isBusy, setBusy] = useState(false);
  const [faults, setFaults] = useState<FieldFaults>({});
  const [lines, setLines] = useState<Fault[]>([]);
  const form = useRef<HTMLFormElement>(null);
  const entries = fitting(fields, draft.entries[analyzer] ?? {});
  const content = fields.find(({ isContent }) => isContent);
  const { text, format } = draft.many;
  const parsed = useMemo(
    () => (isMany && content ? parse(text, format, fields, content) : { items: [], faults: [], unused: [] }),
    [isMany, text, format, fields, content],
  );
  const shown = isMany ? fields.filter(({ isContent }) => !isContent) : fields;

  const change = (name: string, entry: Entry) => {
    setFaults(({ [name]: _, ...rest }) => rest);
    set((draft) => ({ ...draft, entries: { ...draft.entries, [analyzer]: { ...draft.entries[analyzer], [name]: entry } } }));
  };
  const changeSetting = (name: keyof Settings, value: string) => {
    setFaults(({ [name]: _, ...rest }) => rest);
    set((draft) => ({ ...draft, settings: { ...draft.settings, [name]: value } }));
  };
  const refused = (found: FieldFaults) => {
    setFaults(found);
    // The first field with a fault gets the focus, after it was drawn.
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus());
  };
  const sent = (outcome: Outcome) => {
    if (!outcome.id) {
      setLines(outcome.lines);
      return refused(outcome.faults);
    }
    // The sent input leaves the draft, its options stay for the next one.
    const rest = Object.fromEntries(Object.entries(entries).filter(([name]) => name !== content?.name));
    const left: Draft = isMany
      ? { ...draft, settings: { ...draft.settings, name: '' }, many: { text: '', format: 'lines', file: null } }
      : { ...draft, entries: { ...draft.entries, [analyzer]: rest } };
    keep(left);
    set(() => left);
    if (outcome.lines.length) toast(`${plural(outcome.lines.length, 'item')} refused. ${outcome.lines[0]!.message}`, 'failed');
    route(hrefOf(outcome.id));
  };
  const submit = async () => {
    const { request, faults } = requestOf(shown, entries);
    setLines([]);
    if (Object.keys(faults).length) return refused(faults);
    setFaults({});
    setBusy(true);
    try {
      sent(await (isMany ? submitBatch(analyzer, request, parsed.items, draft.settings) : submitOne(analyzer, request, draft.settings)));
    } catch (error) {
      setFaults({ form: (error as Error).message });
    } finally {
      setBusy(false);
    }
  };

  const nameFault = faults.name;
  return (
    <form
      ref={form}
      class="new"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.current!.requestSubmit();
      }}
    >
      <div class="card inputs">
        {isMany && content && <Many many={draft.many} parsed={parsed} content={content} set={(many) => set((draft) => ({ ...draft, many }))} />}
        {lines.length > 0 && <Faults title="The server refused these lines" faults={lines} />}
        {shown.map((field) => (
          <FieldOf key={field.name} field={field} entry={entries[field.name] ?? entryOf(field, undefined)} fault={faults[field.name]} set={(entry) => change(field.name, entry)} />
        ))}
      </div>
      <div class="card settings">
        {isMany && (
          <Labeled id="setting-name" label="Name" help="For the list of batches. Optional." fault={nameFault}>
            <input {...described('setting-name', nameFault)} type="text" maxLength={200} dir="auto" autocomplete="off" value={draft.settings.name} onInput={(event) => changeSetting('name', event.currentTarget.value)} />
          </Labeled>
        )}
        <Setting name="priority" label="Priority" help="From 1, the lowest, to 10." least={1} most={10} draft={draft} fault={faults.priority} change={changeSetting} />
        <Setting
          name="timeoutSeconds"
          label="Timeout in seconds"
          help={isMany ? 'For the whole batch.' : 'For one attempt.'}
          least={1}
          most={86_400}
          draft={draft}
          fault={faults.timeoutSeconds}
          change={changeSetting}
        />
        <Setting name="maxAttempts" label="Attempts" help="At most, after errors that may pass." least={1} most={10} draft={draft} fault={faults.maxAttempts} change={changeSetting} />
      </div>
      <div class="send">
        <button type="submit" class="primary" disabled={isBusy || (isMany && parsed.items.length === 0)}>
          {isMany ? `Analyze ${count(parsed.items.length)} ${parsed.items.length === 1 ? 'item' : 'items'}` : 'Analyze'}
        </button>
        <span class="refusal" role="status">
          {faults.form}
        </span>
      </div>
    </form>
  );
}
