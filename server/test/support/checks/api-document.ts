/** The API's document as a caller has it: proved to be OpenAPI 3.1, and held against the answers that it describes. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';

const operationForm = z.looseObject({
  operationId: z.string(),
  responses: z.record(
    z.string(),
    z.looseObject({ content: z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()) })) }),
  ),
});
const documentForm = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operationForm)),
});

interface DescribedOperation {
  id: string;
  /** In capitals. */
  method: string;
  /** With the parts in braces. */
  path: string;
}

/** The document as it was served when it was read, with its references resolved. */
export interface ApiDocument {
  operations: DescribedOperation[];
  /** Reads the answer and says what of it is not as the document has it; nothing where all is. */
  faultsOf(id: string, answer: Response): Promise<string[]>;
}

/** Throws where what is served is no document of OpenAPI 3.1. */
export async function readApiDocument(url: string): Promise<ApiDocument> {
  const served: unknown = await (await fetch(new URL('/api/openapi.json', url))).json();
  const document = documentForm.parse(served);
  const validator = new Validator();
  const proved = await validator.validate(structuredClone(document));
  if (!proved.valid || validator.version !== '3.1')
    throw new Error(`${validator.version} is not proved: ${JSON.stringify(proved.errors).slice(0, 1_000)}`);
  const { paths } = documentForm.parse(validator.resolveRefs());
  const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, responses }]) => ({
      responses,
      operation: {
        id: operationId,
        method: method.toUpperCase(),
        path,
      },
    })),
  );

  return {
    operations: described.map(({ operation }) => operation),
    faultsOf: async (id, answer) => {
      const found = described.find(({ operation }) => operation.id === id);
      if (found === undefined) return [`${id} is not described`];
      const status = String(answer.status);
      const [type = ''] = (answer.headers.get('content-type') ?? '').split(';');
      const text = await answer.text();
      const form = (found.responses[status] ?? found.responses['default'])?.content[type];
      if (form === undefined) return [`${status} ${type} is not described: ${text}`];
      const validate = ajv.compile(form.schema);
      if (validate(JSON.parse(text))) return [];
      return (validate.errors ?? []).map(
        ({ instancePath, message }) => `${instancePath} ${message}: ${text.slice(0, 500)}`,
      );
    },
  };
}
