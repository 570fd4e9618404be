/**
 * One operation of the API, declared once: what it is called, who may call it, and the schemas of what comes in and goes out.
 * The route (operation-routes.ts) and the document (openapi.ts) are both made of it. Knows no operation itself. Keeps SPEC.md [AP6].
 */
import express, { type Request, type Response } from 'express';
import { z } from 'zod';
import type { CodeName } from '../../protocol/index.ts';
import type { Access, CallerOf } from './callers.ts';
import { Refused } from './problem.ts';
import { requireJson } from './require-json.ts';

/** The methods of operations; whoever takes `get` takes HEAD. */
export type Method = 'get' | 'put' | 'post' | 'delete';

/** One answer that is no refusal. */
export interface AnswerForm {
  description: string;
  schema: z.ZodType;
}

/** By HTTP status. */
export type AnswerForms = Readonly<Record<number, AnswerForm>>;

type Reply<Answers extends AnswerForms> = {
  [Status in keyof Answers]: {
    status: Status & number;
    body: Answers[Status] extends AnswerForm ? z.input<Answers[Status]['schema']> : never;
    headers?: Readonly<Record<string, string>>;
  };
}[keyof Answers];

/** A body of JSON; `jsonBody` makes one where the issues of its schema say enough. */
export interface BodyForm<Body> {
  schema: z.ZodType;
  /** After inflating. */
  maxBytes: number;
  /** Parses by that schema; throws `Refused`. */
  parse: (body: unknown) => Body;
}

/** The form of a query: an object that takes no other parameters. */
export type QueryForm = z.ZodObject<z.core.$ZodLooseShape, z.core.$strict>;

/** A call as its handler sees it: everything parsed. What was not declared is empty or `undefined`. */
export interface Call<A extends Access, Params, Query, Headers, Body> {
  caller: CallerOf<A>;
  params: Params;
  query: Query;
  headers: Headers;
  body: Body;
}

interface Declaration<
  A extends Access,
  Answers extends AnswerForms,
  Params extends z.ZodType,
  Query extends QueryForm,
  Headers extends z.ZodObject,
  Body,
> {
  /** Names the operation in the document: a verb and what it acts on. */
  id: string;
  method: Method;
  /** As OpenAPI writes it: `/api/nodes/{id}`. */
  path: string;
  summary: string;
  /** What a caller should know beside; Markdown's plain text. */
  description?: string;
  access: A;
  /** An object of texts by name, one for each part in braces of the path. */
  params?: Params;
  /** A parameter that is there more than once is a list; without this there may be none. */
  query?: Query;
  /** An object of texts by the header's name. */
  headers?: Headers;
  /** Without this there may be none, but for an empty object. */
  body?: BodyForm<Body>;
  answers: Answers;
  /** What the handler refuses, beside what any call of this form may be refused for. */
  refusals: readonly CodeName[];
  /** Throws `Refused`, or what problem.ts makes a refusal of. */
  handle: (
    call: Call<A, z.output<Params>, z.output<Query>, z.output<Headers>, Body>,
  ) => Reply<Answers> | Promise<Reply<Answers>>;
}

/** What a request passes before anything else of it is looked at. */
export interface Gate {
  /** Finds out who calls and lets no other pass; throws `Refused`, or rejects as sign-in does. */
  admit<A extends Access>(access: A, req: Request, res: Response): Promise<CallerOf<A>>;
}

/** What all operations share. */
export interface OperationStage {
  gate: Gate;
  /** Resolves for one call per turn of the event loop. A list of all symbols is long: many reads at once would delay the prices. */
  readTurn: () => Promise<void>;
}

/** A declared operation, whatever its types. */
export interface Operation {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly params?: z.ZodType;
  readonly query?: QueryForm;
  readonly headers?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly maxBytes: number };
  readonly answers: AnswerForms;
  readonly refusals: readonly CodeName[];
  /** Answers one request; rejects with what problem.ts tells the caller. */
  serve: (req: Request, res: Response, stage: OperationStage) => Promise<void>;
}

/** Problems that one answer names. */
const maxProblems = 20;

/** What is wrong, by place; never what was sent. */
function problemsOf(place: string, issues: readonly z.core.$ZodIssue[]): string {
  const lines = issues
    .slice(0, maxProblems)
    .map(({ path, message }) => `${[place, ...path.map(String)].join('.')}: ${message.slice(0, 200)}`);
  return [...lines, ...(issues.length > maxProblems ? ['and more'] : [])].join('; ');
}

function parseAs<Schema extends z.ZodType>(
  place: string,
  schema: Schema | undefined,
  value: unknown,
): z.output<Schema> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without a schema the type is `undefined`, by the defaults of `operation`
  if (schema === undefined) return undefined as z.output<Schema>;
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Refused('bad_payload', problemsOf(place, parsed.error.issues));
  return parsed.data;
}

function hasBody(req: Request): boolean {
  return req.get('Transfer-Encoding') !== undefined || Number(req.get('Content-Length') ?? 0) > 0;
}

function headersOf(req: Request, schema: z.ZodObject | undefined): Record<string, string | undefined> {
  return Object.fromEntries(Object.keys(schema?.shape ?? {}).map((name) => [name, req.get(name)]));
}

/** A body that is refused with the issues of its schema. */
export function jsonBody<Schema extends z.ZodType>(
  schema: Schema,
  maxBytes: number,
): BodyForm<z.output<Schema>> {
  return { schema, maxBytes, parse: (body) => parseAs('body', schema, body) };
}

const noQuery = z.strictObject({});
/** Of a call that takes none: programs that always send one send an empty object. */
const noBody = jsonBody(z.strictObject({}).optional(), 1_024);

/** Declares an operation. Of a caller that the gate does not let in nothing is parsed, and no body is read. */
export function operation<
  A extends Access,
  const Answers extends AnswerForms,
  Params extends z.ZodType = z.ZodUndefined,
  Query extends QueryForm = typeof noQuery,
  Headers extends z.ZodObject = z.ZodObject,
  Body = undefined,
>(declared: Declaration<A, Answers, Params, Query, Headers, Body>): Operation {
  const { method, access, params, query, headers, body, handle } = declared;
  const form: BodyForm<unknown> = body ?? noBody;
  const mayLackBody = form.schema.safeParse(undefined).success;
  const readJson = express.json({ limit: form.maxBytes });

  async function bodyOf(req: Request, res: Response): Promise<unknown> {
    // One of no length is no body, whatever it is said to be.
    if (mayLackBody && !hasBody(req)) return form.parse(undefined);
    requireJson(req);
    await new Promise<void>((resolve, reject) => {
      readJson(req, res, (error?: unknown) => {
        if (error === undefined) resolve();
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- it is handed on as it came
        else reject(error);
      });
    });
    return form.parse(req.body);
  }

  return {
    ...declared,
    serve: async (req, res, { gate, readTurn }) => {
      // A stranger's body is not even read.
      const caller = await gate.admit(access, req, res);
      const call = {
        caller,
        params: parseAs('path', params, req.params),
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by the default of the type
        query: parseAs('query', query ?? noQuery, req.query) as z.output<Query>,
        headers: parseAs('header', headers, headersOf(req, headers)),
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what its own form parsed, or nothing that a handler is told of
        body: (await bodyOf(req, res)) as Body,
      };
      if (method === 'get') await readTurn();
      const reply = await handle(call);
      const text = JSON.stringify(reply.body);
      // Not by `json`, which answers 304 to whoever says that he has something already.
      res
        .status(reply.status)
        .set({
          'Cache-Control': 'no-store',
          'Content-Length': String(Buffer.byteLength(text)),
          ...reply.headers,
        })
        .type('json')
        .end(text);
    },
  };
}
