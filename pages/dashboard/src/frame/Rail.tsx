/** The ways to the pages: a rail on wide screens, a bar at the bottom on narrow ones. */
import { useLocation } from 'preact-iso';
import { BASE, GRAPHQL, href, METRICS } from '../data/address';
import { count } from '../data/clock';
import { batchesInWork, metrics, queue } from '../data/figures';
import { useStore } from '../data/store';
import type { Feature } from '../feature';
import { railItems } from '../routes';
import { Icon } from '../ui/Icon';
import { showShortcuts } from './Shortcuts';

type Item = NonNullable<Feature['rail']>;

function useCurrent(): (item: Item) => boolean {
  const { path } = useLocation();
  const at = `${path}/`.slice(BASE.length);
  return (item) => (item.path ? at.startsWith(`${item.path}/`) : at === '');
}

/** Beside "Analyses" and "Batches": those that wait or run. Beside "Queue": whether it is paused. */
function Note({ of }: { of: Item }) {
  const figures = useStore(metrics);
  const batches = useStore(batchesInWork);
  const held = useStore(queue);
  if (of.path === 'analyses' && figures) {
    const open = figures.queue.depth + figures.queue.running;
    return open ? <span class="count">{count(open)}</span> : null;
  }
  if (of.path === 'batches' && batches) return <span class="count">{count(batches)}</span>;
  if (of.path === 'queue' && held?.pausedSince) return <span class="count held">paused</span>;
  return null;
}

function Links({ items }: { items: Item[] }) {
  const isCurrent = useCurrent();
  return (
    <ul>
      {items.map((item) => (
        <li key={item.path}>
          <a href={href(item.path)} title={item.label} aria-current={isCurrent(item) ? 'page' : undefined}>
            <Icon name={item.icon} />
            {item.label}
            <Note of={item} />
          </a>
        </li>
      ))}
    </ul>
  );
}

/** Outside the app, and the shortcuts. */
function Others() {
  return (
    <>
      <a href={GRAPHQL} title="GraphiQL">
        <Icon name="braces" />
        GraphiQL
      </a>
      <a href={METRICS} title="Metrics">
        <Icon name="chart" />
        Metrics
      </a>
      <button type="button" title="Shortcuts" onClick={showShortcuts}>
        <Icon name="keyboard" />
        Shortcuts
      </button>
    </>
  );
}

export function Rail() {
  return (
    <nav class="rail" aria-label="Main">
      <Links items={railItems.filter(({ group }) => group === 'main')} />
      <h2>Operate</h2>
      <Links items={railItems.filter(({ group }) => group === 'operate')} />
      <div class="end">
        <Others />
      </div>
    </nav>
  );
}

export function BottomBar() {
  const isCurrent = useCurrent();
  const close = () => document.getElementById('more')!.hidePopover();
  return (
    <>
      <nav class="bottom" aria-label="Main, short">
        {railItems
          .filter(({ group }) => group === 'main')
          .map((item) => (
            <a key={item.path} href={href(item.path)} aria-current={isCurrent(item) ? 'page' : undefined}>
              <Icon name={item.icon} />
              {item.label}
            </a>
          ))}
        <a href={href('new')}>
          <Icon name="plus" />
          New
        </a>
        <button type="button" popovertarget="more">
          <Icon name="more" />
          More
        </button>
      </nav>
      <nav id="more" class="more-menu" popover="auto" aria-label="More pages" onClick={close}>
        {railItems
          .filter(({ group }) => group === 'operate')
          .map((item) => (
            <a key={item.path} href={href(item.path)}>
              <Icon name={item.icon} />
              {item.label}
            </a>
          ))}
        <Others />
      </nav>
    </>
  );
}
