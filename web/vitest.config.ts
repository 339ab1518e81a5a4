import { fileURLToPath } from 'node:url'

import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: {
    alias: {
      '@muxi/client': fileURLToPath(new URL('client/src/index.ts', import.meta.url)),
      '@': fileURLToPath(new URL('src', import.meta.url)),
    },
  },
  test: { environment: 'node', include: ['{src,client/src}/**/*.test.{ts,tsx}'] },
})
