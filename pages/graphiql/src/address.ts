/** Addresses of the server, relative to this file in `/graphiql/assets/`: a proxy may serve Assay below a path. */
const ROOT = new URL(/* @vite-ignore */ '../../', import.meta.url);

export const GRAPHQL = new URL('graphql', ROOT).href;
export const AUTH = new URL('auth/', ROOT).href;
export const DASHBOARD = new URL('dashboard', ROOT).href;
export const METRICS = new URL('metrics', ROOT).href;
