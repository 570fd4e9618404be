/**
 * What every answer of the HTTP side tells browsers to refuse. nginx/nginx.conf.template says the same where Nginx answers
 * by itself. Knows no route.
 */
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** All that the page is made of: its own script, styles and picture, and its own line for prices. */
const pageSources = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** Of use over TLS alone: elsewhere browsers ignore them, some with a warning. */
const overTls = [
  // Other names of the domain are not ours to speak for.
  helmet.strictTransportSecurity({ includeSubDomains: false }),
  helmet.crossOriginOpenerPolicy(),
  helmet.originAgentCluster(),
];

/** Whether a request came over TLS is Express' `secure`, so it takes the application's trust in proxies. */
export function createSecurityHeaders(): RequestHandler {
  const everywhere = helmet({
    // Without upgrades to https: a page at a LAN address without TLS would have none of its files.
    contentSecurityPolicy: { useDefaults: false, directives: pageSources },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    // Of browsers that are gone.
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });

  return (req, res, next) => {
    everywhere(req, res, (error?: unknown) => {
      if (req.secure) for (const header of overTls) header(req, res, () => {});
      next(error);
    });
  };
}
