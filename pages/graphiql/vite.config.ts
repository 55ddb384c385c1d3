import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/*
 * The page itself is the answer of `GET /graphql` to a browser; everything that it loads is below `/graphiql/`.
 * `npm run dev` passes the API on to a server on port 8000 (or ASSAY_URL).
 */
const server = process.env.ASSAY_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  base: '/graphiql/',
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
        // The large parts by themselves, so that a change of Assay's own lines leaves their files as they are.
        codeSplitting: {
          groups: [
            { name: 'monaco', test: /node_modules\/(monaco-editor|monaco-graphql)\// },
            { name: 'graphiql', test: /node_modules\/(?!prettier\/)/ },
          ],
        },
      },
    },
  },
  server: { proxy: { '/graphql': { target: server, ws: true } } },
});
