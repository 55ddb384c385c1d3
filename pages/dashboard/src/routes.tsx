/** The routes and the items of the rail, from the manifests of the features. */
import { Route, useLocation } from 'preact-iso';
import { useEffect } from 'preact/hooks';
import { BASE, hrefOf } from './data/address';
import type { Feature, PageProps } from './feature';
import { laterPage } from './ui/later';
import { PageHead } from './ui/PageHead';

const features = Object.values(import.meta.glob<Feature>('./features/*/feature.ts', { eager: true, import: 'default' }));

export const railItems = features.flatMap(({ rail }) => rail ?? []).sort((a, b) => a.order - b.order);

const pages = features.flatMap((feature) => feature.pages).map(({ path, load }) => ({ path: BASE + path, component: laterPage(load) }));

/** `id/…`: leads to the page of any id. */
function AnyId({ params }: PageProps) {
  const { route } = useLocation();
  useEffect(() => route(hrefOf(params.id!), true), [params.id]);
  return null;
}

export function NoPage() {
  return (
    <>
      <PageHead title="No such page" />
      <p>
        There is no page at this address. <a href={BASE}>Overview</a>
      </p>
    </>
  );
}

export const routes = [
  ...pages.map(({ path, component }) => <Route key={path} path={path} component={component} />),
  <Route key="id" path={`${BASE}id/:id`} component={AnyId} />,
  <Route key="none" default component={NoPage} />,
];
