import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/*
 * Browsers get the page from `GET /graphql`; its files are below `/graphiql/`.
 * `npm run dev` proxies the API to the server on port 8000 (or ASSAY_URL).
 */
const server = process.env.ASSAY_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  base: './', // the server completes the addresses: web/pages.py
  plugins: [react()],
  worker: { format: 'es' },
  build: {
    outDir: '../../web/static/graphiql',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 8000,
    rolldownOptions: {
      output: {
        // Separate files for the large libraries, so that a change of Assay's own code does not change them.
        codeSplitting: {
          groups: [
            { name: 'monaco', test: /node_modules\/(monaco-editor|monaco-graphql)\// },
            { name: 'graphiql', test: /node_modules\/(?!prettier\/)/ },
          ],
        },
      },
    },
  },
  server: { proxy: { '/graphql': { target: server, ws: true }, '/auth': { target: server } } },
});
