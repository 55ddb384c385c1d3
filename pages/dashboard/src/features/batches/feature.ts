import type { Feature } from '../../feature';

export default {
  pages: [
    { path: 'batches', load: () => import('./Batches') },
    { path: 'batches/:id', load: () => import('./Batch') },
  ],
  rail: { label: 'Batches', icon: 'layers', path: 'batches', group: 'main', order: 3 },
} satisfies Feature;
