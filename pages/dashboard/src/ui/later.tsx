/** Parts of the pages that the browser loads with their first use. */
import { lazy } from 'preact-iso';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { isLost, onConnected, tryNow } from '../data/socket';
import { Store, useStore } from '../data/store';
import { PageHead } from './PageHead';
import { Fault } from './states';

/** The number of new connections since a part could not be loaded. */
const returns = new Store(0);
let isMissed = false;

function missed(): void {
  if (isMissed) return;
  isMissed = true;
  onConnected.add(() => returns.set(returns.value + 1));
}

// Without the server, the browser would replace the pages by its own words.
const reload = () => void fetch(location.href, { method: 'HEAD' }).then(() => location.reload(), tryNow);

/** Reloads the pages at the next connection: the browser keeps a failed import until then. A new visit has no earlier one. */
function Unloaded({ of }: { of: string }) {
  const number = useStore(returns);
  useEffect(() => {
    if (number > 0 && !isLost()) location.reload();
  }, [number]);
  return <Fault message={`${of} could not be loaded from the server.`} again={reload} />;
}

function UnloadedPage() {
  return (
    <>
      <PageHead title="Page not loaded" />
      <Unloaded of="The page" />
    </>
  );
}

type Load<P> = () => Promise<{ default: ComponentType<P> }>;

const orElse = <P,>(load: Load<P>, other: ComponentType<P>): Load<P> => () =>
  load().catch(() => {
    missed();
    return { default: other };
  });

export const laterPage = <P,>(load: Load<P>) => lazy(orElse(load, UnloadedPage));

/** `of`: the words for the part. */
export const later = <P,>(load: Load<P>, of: string) => lazy(orElse(load, () => <Unloaded of={of} />));
