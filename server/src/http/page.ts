/** Serves the built page from the folder that the build made. Knows nothing of what is in it but how long it keeps. */
import path from 'node:path';
import express, { Router } from 'express';
import { otherMethods } from './problem.ts';

const missing = 'The page is not built. Run `npm run build`, or `npm start`, which builds it.\n';

/** Files below /assets carry a hash of their content in their name, so they never change; the rest is asked for each time. */
export function createPage(clientRoot: string): Router {
  const assets = path.join(path.resolve(clientRoot), 'assets') + path.sep;
  // Another spelling of the page is another address, and not a page that is not built.
  const router = Router({ caseSensitive: true, strict: true });
  router.use(
    express.static(clientRoot, {
      redirect: false,
      cacheControl: false,
      setHeaders: (res, file) => {
        const keeps = file.startsWith(assets) ? 'public, max-age=31536000, immutable' : 'no-cache';
        res.setHeader('Cache-Control', keeps);
      },
    }),
  );
  router
    .route(['/', '/index.html'])
    .get((_req, res) => {
      res
        .status(503)
        .set({ 'Cache-Control': 'no-store', 'Retry-After': '5' })
        .type('text/plain')
        .send(missing);
    })
    .all(otherMethods('GET, HEAD'));
  return router;
}
