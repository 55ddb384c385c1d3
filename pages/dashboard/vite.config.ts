import { defineConfig, type Plugin } from 'vite';
import { manifest } from './documents.ts';

/* `npm run dev` proxies the API to the server on port 8000 (or ASSAY_URL). */
const server = process.env.ASSAY_URL ?? 'http://127.0.0.1:8000';

/* The server trusts the operations of the pages: web/pages.py. */
const documents: Plugin = {
  name: 'documents',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'documents.json', source: `${JSON.stringify(manifest, null, 2)}\n` });
  },
};

export default defineConfig({
  base: './', // the server completes the addresses: web/pages.py
  plugins: [documents],
  build: {
    outDir: '../../web/static/dashboard',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/graphql': { target: server, ws: true }, '/auth': { target: server } } },
});
