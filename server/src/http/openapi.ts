/** The OpenAPI 3.1 document of the declared operations, made of the schemas that validate. Knows no operation. */
import { z } from 'zod';
import { codes, problemType, type CodeName } from '../../protocol/index.ts';
import type { Access } from './callers.ts';
import type { Operation } from './operation.ts';

type Json = Record<string, unknown>;

const problemForm = z.object({
  type: z.string().meta({ description: 'a URN of the name' }),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.int().meta({ description: 'the same number that the refusal has on a socket' }),
  name: z.string(),
  retry: z.enum(['now', 'later', 'never']),
});

/** What names an `Access` in the document: alternatives, each a scheme; an empty one is nobody in particular. */
const security: Readonly<Record<Access, Json[]>> = {
  key: [{ key: [] }],
  reader: [{}, { key: [] }, { token: [] }],
  user: [{ key: [] }, { token: [] }, { session: [] }],
};

const securitySchemes = {
  key: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'one of `API_KEYS`' },
  token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: "a user's sign-in" },
  session: {
    type: 'http',
    scheme: 'Session',
    description: "a session's id and secret, as its `hello` told them: `Session SESSION:SECRET`",
  },
};

const ofAnyCall = [
  'api_key_required',
  'api_key_invalid',
  'too_many_api_calls',
  // Of a proxy in front.
  'token_invalid',
  'too_many_calls',
  'too_many_connections_from_address',
  'replica_unavailable',
] as const;
/** What is refused before it is known to be a call of an operation, by statuses that no operation has itself. */
const ofNoOperation = [
  'request_timeout',
  'uri_too_long',
  'headers_too_large',
  'transfer_not_supported',
  'version_not_supported',
  'replica_lost',
  'replica_silent',
] as const;
const ofSignIn = ['token_required', 'token_invalid', 'token_expired', 'sign_in_unavailable'] as const;

/** What every call of an access may be refused for. */
const refusalsOfAccess: Readonly<Record<Access, readonly CodeName[]>> = {
  key: ofAnyCall,
  reader: [...ofAnyCall, ...ofSignIn],
  user: [...ofAnyCall, ...ofSignIn, 'credentials_required'],
};

/** Of a parameter or a body, also where none is taken. */
const ofAnyForm = ['bad_payload', 'payload_too_large', 'unsupported_media_type'] as const;

const refusalsOf = ({ access, refusals }: Operation): CodeName[] => [
  ...new Set<CodeName>([...refusalsOfAccess[access], ...ofAnyForm, ...refusals, 'internal']),
];

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

/** The parameters of an object's schema, one for each of its keys. */
function parametersOf(place: 'path' | 'query' | 'header', schema: z.ZodType | undefined): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...form } = typeof property === 'object' ? property : {};
    return {
      name,
      in: place,
      required: required.includes(name),
      ...(description && { description }),
      schema: form,
    };
  });
}

/** The answer that is one of these refusals. */
const refusedWith = (names: readonly CodeName[]): Json => ({
  description: names.map((name) => `${name} (${codes[name].code}): ${codes[name].message}`).join('\n\n'),
  content: {
    [problemType]: {
      schema: {
        allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { name: { enum: names } } }],
      },
    },
  },
});

function answersOf(operation: Operation): Json {
  const answers: Json = {};
  for (const [status, { description, schema }] of Object.entries(operation.answers))
    answers[status] = {
      description,
      content: { 'application/json': { schema: schemaOf(schema, 'output') } },
    };
  const refusals = refusalsOf(operation);
  for (const status of new Set(refusals.map((name) => codes[name].status))) {
    const names = refusals.filter((name) => codes[name].status === status);
    answers[status] = refusedWith(names);
  }
  answers['default'] = refusedWith(ofNoOperation);
  return answers;
}

function operationOf(operation: Operation): Json {
  const { id, summary, description, access, params, query, headers, body } = operation;
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    security: security[access],
    parameters: [
      ...parametersOf('path', params),
      ...parametersOf('query', query),
      ...parametersOf('header', headers),
    ],
    ...(body !== undefined && {
      requestBody: {
        required: !body.schema.safeParse(undefined).success,
        description: `at most ${body.maxBytes} bytes`,
        content: { 'application/json': { schema: schemaOf(body.schema, 'input') } },
      },
    }),
    responses: answersOf(operation),
  };
}

/** Gives the document, ready to be JSON. */
export function createOpenApi(operations: readonly Operation[]): Json {
  const paths: Record<string, Json> = {};
  for (const one of operations) paths[one.path] = { ...paths[one.path], [one.method]: operationOf(one) };
  return {
    openapi: '3.1.1',
    info: {
      title: 'Tickwire',
      version: '1',
      description:
        'Prices in and out, messages to users, and the replicas, for backends and operators. A call with a query parameter or a body that it does not take is refused with `bad_payload`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas: { Problem: schemaOf(problemForm, 'output') }, securitySchemes },
  };
}
