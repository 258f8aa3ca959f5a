// Builds the page into the Python package, which ships it in its wheel and serves it at `/`.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "../src/lookalike/server/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    license: { fileName: "third-party-licences.md" },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": "http://127.0.0.1:8765" },
  },
});
