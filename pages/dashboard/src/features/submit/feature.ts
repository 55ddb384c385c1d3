import type { Feature } from '../../feature';

export default { pages: [{ path: 'new', load: () => import('./New') }] } satisfies Feature;
