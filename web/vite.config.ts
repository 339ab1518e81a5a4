import { fileURLToPath } from 'node:url'

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const server = process.env.MUXI_URL ?? 'http://127.0.0.1:5050'

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: {
      '@muxi/client': fileURLToPath(new URL('client/src/index.ts', import.meta.url)),
      '@': fileURLToPath(new URL('src', import.meta.url)),
    },
  },
  build: {
    outDir: fileURLToPath(new URL('../src/muxi/server/static', import.meta.url)),
    emptyOutDir: true,
    // Everything stays a file of its own: the page is served under a policy without data: or inline code.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: {
    // The server answers its own page only, so a request says that it comes from there.
    proxy: Object.fromEntries(
      ['/api', '/login', '/healthz', '/readyz', '/openapi.json'].map((path) => [
        path,
        { target: server, changeOrigin: true, headers: { Origin: server } },
      ]),
    ),
  },
})
