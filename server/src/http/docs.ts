/** The API's document for people: one page without scripts, made of the OpenAPI document's parts. Knows no operation. */
import { createHash } from 'node:crypto';
import { Router } from 'express';
import { z } from 'zod';
import { otherMethods } from './problem.ts';

/** The parts of the document that the page shows. */
const contentForm = z.record(z.string(), z.object({ schema: z.unknown() }));
const operationForm = z.object({
  operationId: z.string(),
  summary: z.string(),
  description: z.string().optional(),
  security: z.array(z.record(z.string(), z.unknown())),
  parameters: z.array(
    z.object({ name: z.string(), in: z.string(), required: z.boolean(), description: z.string().optional() }),
  ),
  requestBody: z.object({ description: z.string(), content: contentForm }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: contentForm })),
});
const documentForm = z.object({
  info: z.object({ title: z.string(), description: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), operationForm)),
  components: z.object({
    securitySchemes: z.record(z.string(), z.object({ description: z.string() })),
  }),
});

type ShownOperation = z.output<typeof operationForm>;

const style = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 52rem; margin: 0 auto; padding: 1rem }
section { border-top: 1px solid #8888; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0 }
td { overflow-wrap: anywhere }
pre { overflow: auto; padding: .75rem; border: 1px solid #8888 }
`;

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string): string => text.replaceAll(/[&<>"]/g, (found) => escapes[found] ?? '');
const lines = (text: string): string => escape(text).replaceAll('\n\n', '<br>');

function schemaOf(title: string, content: z.output<typeof contentForm>): string {
  const [schema] = Object.values(content);
  const text = escape(JSON.stringify(schema?.schema, null, 2));
  return `<details><summary>${escape(title)}</summary><pre tabindex="0">${text}</pre></details>`;
}

function callersOf(security: ShownOperation['security']): string {
  const names = security.map((schemes) => Object.keys(schemes).join(' and ') || 'nobody in particular');
  return names.length === 0 ? 'anybody' : names.join(', or ');
}

function sectionOf(method: string, path: string, operation: ShownOperation): string {
  const { operationId, summary, description, security, parameters, requestBody, responses } = operation;
  const rows = Object.entries(responses).map(
    ([status, answer]) => `<tr><th scope="row">${status}</th><td>${lines(answer.description)}</td></tr>`,
  );
  const given = parameters.map(
    (one) =>
      `<tr><th scope="row"><code>${escape(one.name)}</code></th><td>${one.in}${one.required ? ', required' : ''}</td>` +
      `<td>${escape(one.description ?? '')}</td></tr>`,
  );
  const good = Object.entries(responses).filter(([status]) => status.startsWith('2'));
  return [
    `<section id="${escape(operationId)}"><h2><code>${method.toUpperCase()} ${escape(path)}</code></h2>`,
    `<p>${escape(summary)}. ${escape(description ?? '')}</p>`,
    `<p>Called by: ${escape(callersOf(security))}.</p>`,
    given.length === 0 ? '' : `<table><caption>Parameters</caption>${given.join('')}</table>`,
    requestBody === undefined ? '' : schemaOf(`Body, ${requestBody.description}`, requestBody.content),
    `<table><caption>Answers</caption>${rows.join('')}</table>`,
    ...good.map(([status, answer]) => schemaOf(`Body of ${status}`, answer.content)),
    '</section>',
  ].join('\n');
}

function pageOf(document: unknown): string {
  const { info, paths, components } = documentForm.parse(document);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ path, method, one })),
  );
  const schemes = Object.entries(components.securitySchemes).map(
    ([name, { description }]) => `<li><strong>${escape(name)}</strong>: ${escape(description)}</li>`,
  );
  const list = operations.map(
    ({ path, method, one }) =>
      `<li><a href="#${escape(one.operationId)}"><code>${method.toUpperCase()} ${escape(path)}</code></a> ${escape(one.summary)}</li>`,
  );
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>${escape(info.title)}: HTTP API</title>`,
    '<link rel="icon" href="data:,"><link rel="stylesheet" href="/api/docs.css"></head><body>',
    `<main><h1>${escape(info.title)}: HTTP API</h1><p>${escape(info.description)}`,
    'The same for programs: <a href="/api/openapi.json">openapi.json</a>.</p>',
    `<ul>${schemes.join('')}</ul><nav aria-label="Operations"><ul>${list.join('')}</ul></nav>`,
    ...operations.map(({ path, method, one }) => sectionOf(method, path, one)),
    '</main></body></html>',
  ].join('\n');
}

/** The routes of the document and its page; neither needs a key. */
export function createDocsRoutes(document: object): Router {
  const router = Router();
  const files = [
    { path: '/api/openapi.json', type: 'application/json', text: JSON.stringify(document) },
    { path: '/api/docs', type: 'text/html', text: pageOf(document) },
    { path: '/api/docs.css', type: 'text/css', text: style },
  ];
  for (const { path, type, text } of files) {
    const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
    router
      .route(path)
      .get((_req, res) => {
        // With its ETag a copy that is still right is answered 304.
        res.set({ 'Cache-Control': 'no-cache', ETag: etag }).type(type).send(text);
      })
      .all(otherMethods('GET, HEAD'));
  }
  return router;
}
