/** How the page is built, to dist/client, and served while it is worked on. The build fails when the page grows too heavy. */
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

/** Everything the page loads, compressed, in bytes. */
const maxBytes = 40_000;

function sizeLimit(): Plugin {
  return {
    name: 'size-limit',
    apply: 'build',
    generateBundle(_options, bundle) {
      const sizes = Object.values(bundle).map(
        (file) => gzipSync(file.type === 'chunk' ? file.code : file.source).length,
      );
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      if (bytes > maxBytes) this.error(`the page weighs ${bytes} bytes compressed, more than ${maxBytes}`);
    },
  };
}

/** Holds the first drawing back until the script has set the theme that somebody chose, or the other one would flash. */
function themeFirst(): Plugin {
  return {
    name: 'theme-first',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
    },
  };
}

const target = process.env['TICKWIRE_TARGET'] ?? 'http://localhost:8080';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [sizeLimit(), themeFirst()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/client',
    emptyOutDir: true,
    target: 'es2022',
    // Inline code would need an exception from a strict content security policy.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      '/socket.io': { target, ws: true },
      '/health': { target },
      '/api': { target },
    },
  },
});
