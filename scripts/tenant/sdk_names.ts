/**
 * The names and forms that C1's TypeScript SDK gives to operations, parameters and fields. The SDK has zod schemas, whose
 * transformations rename fields; they are read by running them on samples.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Document, Kind, Operation } from "./document.ts";

/** How the SDK shows a field. */
export interface Shown {
  readonly name: string;
  /** Whether it turns the text of a 64-bit integer into a number. */
  readonly isNumber: boolean;
  /** Whether its types have `null`. */
  readonly isNullable: boolean;
}

export interface SdkNames {
  /** Namespace and method by id of the operation. */
  readonly methods: ReadonlyMap<string, { readonly namespace: string; readonly method: string }>;
  /** The key of the request's body beside parameters, and the key of the answer, by id of the operation. */
  readonly keys: ReadonlyMap<
    string,
    { readonly body: string | undefined; readonly answer: string }
  >;
  /** By id of the message, a dot and the name of the field in JSON; by id of the operation and name for parameters. */
  readonly fields: ReadonlyMap<string, Shown>;
  /** Fields that requests of the SDK have; among them are some that the document has as read-only. */
  readonly sent: ReadonlySet<string>;
}

/** What the reader uses of a schema of zod 3. */
interface Zod {
  readonly _def: {
    readonly typeName: string;
    readonly innerType?: Zod;
    readonly schema?: Zod;
    readonly type?: Zod;
    readonly valueType?: Zod;
    readonly getter?: () => Zod;
    readonly shape?: () => Readonly<Record<string, Zod>>;
    readonly effect?: { readonly type: string; readonly transform?: (value: unknown) => unknown };
  };
}

type Direction = "request" | "response";

/** Fields of a result besides the message. */
const OF_RESULT = ["ContentType", "StatusCode", "RawResponse", "Headers"];

/** @param sdk a clone of the SDK with its packages */
export async function readSdkNames(sdk: string, document: Document): Promise<SdkNames> {
  const load = (path: string) => import(pathToFileURL(join(sdk, "src", path)).href);
  const { ConductoroneSDKTypescript } = await load("sdk/sdk.ts");
  const shared = byLowerName(await load("sdk/models/shared/index.ts"));
  const operations = byLowerName(await load("sdk/models/operations/index.ts"));
  const methods = methodsOf(
    new ConductoroneSDKTypescript({ serverURL: "https://tenant.example" }),
    document,
  );
  const reader = new Reader(document);
  for (const operation of document.operations.filter(({ id }) => methods.has(id))) {
    const model = operation.id.replace(/[._]/g, "").toLowerCase();
    const body = document.messages.get(operation.request ?? "")?.name.toLowerCase();
    reader.readOperation(operation, {
      request: operations.get(`${model}request$outboundschema`),
      body: shared.get(`${body}$outboundschema`),
      response: operations.get(`${model}response$inboundschema`),
    });
  }
  return { methods, keys: reader.keys, fields: reader.fields, sent: reader.sent };
}

function byLowerName(models: Readonly<Record<string, Zod>>): ReadonlyMap<string, Zod> {
  return new Map(Object.entries(models).map(([name, model]) => [name.toLowerCase(), model]));
}

function methodsOf(client: object, { operations }: Document): SdkNames["methods"] {
  const byName = new Map(operations.map((operation) => [nameOf(operation), operation.id]));
  const methods = new Map<string, { namespace: string; method: string }>();
  const prototype = Object.getPrototypeOf(client);
  const getters = Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([, { get }]) => get !== undefined);
  for (const [namespace] of getters) {
    const own = Object.getPrototypeOf((client as Record<string, unknown>)[namespace]);
    for (const method of Object.getOwnPropertyNames(own)) {
      if (method === "constructor") continue;
      const id = byName.get(`${namespace}.${method}`.toLowerCase());
      if (id === undefined) throw new Error(`The document has no sdk.${namespace}.${method}`);
      methods.set(id, { namespace, method });
    }
  }
  return methods;
}

function nameOf({ group, override }: Operation): string {
  return `${group}.${override}`.toLowerCase();
}

class Reader {
  readonly keys = new Map<string, { body: string | undefined; answer: string }>();
  readonly fields = new Map<string, Shown>();
  readonly sent = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #document: Document;

  constructor(document: Document) {
    this.#document = document;
  }

  readOperation(
    { id, parameters, request, response }: Operation,
    models: Readonly<Record<"request" | "body" | "response", Zod | undefined>>,
  ): void {
    if (models.response === undefined) throw new Error(`The SDK has no answer of ${id}`);
    const result = objectOf(models.response, "response");
    const [answer, ...others] = [...result.fields].filter(([name]) => !OF_RESULT.includes(name));
    if (answer === undefined || others.length > 0) throw new Error(`${id} has no single answer`);
    this.#readMessage(answer[1].of, response, "response");
    let body: string | undefined;
    if (parameters.length > 0) {
      if (models.request === undefined) throw new Error(`The SDK has no request of ${id}`);
      for (const [name, field] of objectOf(models.request, "request").fields) {
        if (parameters.some((parameter) => parameter.name === name)) {
          this.#add(`${id}.${name}`, {
            name: field.name,
            isNumber: transformed(field.of).schema._def.typeName === "ZodNumber",
            isNullable: isNullable(field.of),
          });
        } else {
          if (request === undefined) throw new Error(`${id} has no parameter ${name}`);
          body = field.name;
          this.#readMessage(field.of, request, "request");
        }
      }
    } else if (request !== undefined && models.body !== undefined) {
      this.#readMessage(models.body, request, "request");
    }
    this.keys.set(id, { body, answer: answer[1].name });
  }

  #readMessage(model: Zod, id: string, direction: Direction): void {
    const seen = `${direction} ${id}`;
    if (this.#seen.has(seen)) return;
    this.#seen.add(seen);
    const { fields } = objectOf(model, direction);
    for (const { name, kind } of this.#document.messages.get(id)?.fields ?? []) {
      const field = fields.get(name);
      if (field === undefined) continue;
      if (direction === "request") this.sent.add(`${id}.${name}`);
      this.#add(`${id}.${name}`, {
        name: field.name,
        isNumber: isNumber(innermost(field.of), direction),
        isNullable: isNullable(field.of),
      });
      this.#readKind(field.of, kind, direction);
    }
  }

  #readKind(model: Zod, kind: Kind, direction: Direction): void {
    const plain = unwrapped(model);
    if (kind.is === "message") this.#readMessage(plain, kind.id, direction);
    const of = membersOf(plain);
    if ("of" in kind && of !== undefined) this.#readKind(of, kind.of, direction);
  }

  #add(key: string, shown: Shown): void {
    const known = this.fields.get(key);
    if (known !== undefined && (known.name !== shown.name || known.isNumber !== shown.isNumber)) {
      throw new Error(`The SDK shows ${key} as ${known.name} and as ${shown.name}`);
    }
    const isNullable = shown.isNullable || known?.isNullable === true;
    this.fields.set(key, { ...shown, isNullable });
  }
}

/** The schema of the items of a list, or of the values of a map. */
function membersOf({ _def: { type, valueType } }: Zod): Zod | undefined {
  return type ?? valueType;
}

function innermost(model: Zod): Zod {
  const of = membersOf(unwrapped(model));
  return of === undefined ? model : innermost(of);
}

function isNullable({ _def: { typeName, innerType } }: Zod): boolean {
  return typeName === "ZodNullable" || (innerType !== undefined && isNullable(innerType));
}

/** The schema without what makes it optional or lazy. */
function unwrapped(model: Zod): Zod {
  const { typeName, innerType, getter } = model._def;
  if (typeName === "ZodLazy" && getter !== undefined) return unwrapped(getter());
  const isWrapper = ["ZodOptional", "ZodNullable", "ZodDefault"].includes(typeName);
  return isWrapper && innerType !== undefined ? unwrapped(innerType) : model;
}

/** The fields of an object by their names in JSON, with their names in the SDK. */
function objectOf(model: Zod, direction: Direction) {
  const { schema, transforms } = transformed(model);
  const shape = schema._def.shape?.();
  if (shape === undefined) throw new Error(`Not an object: ${schema._def.typeName}`);
  // The transformation that collects unknown fields needs an object there.
  const sample = Object.fromEntries(
    Object.keys(shape).map((key) => [key, key === "additionalProperties" ? {} : key]),
  );
  const renamed = transforms.reduce((value, transform) => transform(value), sample as unknown);
  const names = new Map(
    Object.entries(renamed as Record<string, string>).map(([name, key]) => [key, name]),
  );
  const fields = new Map<string, { readonly name: string; readonly of: Zod }>();
  for (const [key, of] of Object.entries(shape)) {
    const other = names.get(key) ?? key;
    const [json, name] = direction === "request" ? [other, key] : [key, other];
    fields.set(json, { name, of });
  }
  return { fields };
}

function transformed(model: Zod) {
  const transforms: ((value: unknown) => unknown)[] = [];
  let schema = unwrapped(model);
  while (schema._def.typeName === "ZodEffects" && schema._def.schema !== undefined) {
    if (schema._def.effect?.transform !== undefined) {
      transforms.unshift(schema._def.effect.transform);
    }
    schema = unwrapped(schema._def.schema);
  }
  return { schema, transforms };
}

/** Whether the SDK has a number for text of digits. */
function isNumber(model: Zod, direction: Direction): boolean {
  const { schema, transforms } = transformed(model);
  const [json, type] = direction === "request" ? [5, "ZodNumber"] : ["5", "ZodString"];
  if (schema._def.typeName !== type || transforms.length === 0) return false;
  const found = transforms.reduce((value, transform) => transform(value), json as unknown);
  return typeof found !== typeof json && !(found instanceof Date);
}
