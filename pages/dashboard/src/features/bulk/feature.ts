import type { Feature } from '../../feature';

export default { pages: [{ path: 'bulk/:id', load: () => import('./BulkAction') }] } satisfies Feature;
