import { OpenAPIHono, type z } from "@hono/zod-openapi";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { type FieldViolation, invalid } from "../domain/errors.ts";
import { type Principal, requirePermission, type Right } from "../domain/identity/mod.ts";
import { parseJsonBody, readBody } from "./body.ts";

/** What middleware leaves on a request's context. */
export interface Env {
  Bindings: HttpBindings;
  Variables: { requestId: string; principal: Principal };
}

/** A request to an operation before it is validated; everything in it is the caller's. */
export interface OperationRequest {
  readonly params: unknown;
  /** With keys in snake_case. */
  readonly query: unknown;
  readonly body: unknown;
}

/** An operation of the API without HTTP around it: rights and validation, then the handler. */
export type Operation = (
  request: OperationRequest,
  by: Principal,
  signal: AbortSignal,
) => Promise<object>;

/** The HTTP interface, and the operations under `/api` by their ids. */
export class App extends OpenAPIHono<Env> {
  readonly operations = new Map<string, Operation>();
}
type Schema = z.ZodObject;
type Parsed<S extends Schema | undefined> = S extends Schema ? z.output<S> : Record<string, never>;

/** The contract of one endpoint: it validates requests, and it is the OpenAPI document. */
export interface Contract<
  P extends Schema | undefined,
  Q extends Schema | undefined,
  B extends Schema | undefined,
  R extends z.ZodType,
> {
  /** As C1 names it, `c1.api.functions.v1.FunctionsService.Invoke`; `invoked.…` for our additions. */
  readonly operationId: string;
  readonly method: "get" | "post" | "delete";
  /** With `{name}` for parameters. */
  readonly path: string;
  /** A parameter that is a reference to a commit: `refs/tags/<name>` has slashes, plain or as `%2F`. */
  readonly slashes?: string;
  readonly summary: string;
  /** What it needs of who calls; `read` for a get and `write` for everything else, unless it says so. */
  readonly right?: Right;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Request headers for the document; the handler reads them itself. */
  readonly headers?: Schema;
  readonly response: R;
}

/** A request that was validated. */
export interface Input<
  P extends Schema | undefined,
  Q extends Schema | undefined,
  B extends Schema | undefined,
> {
  readonly params: Parsed<P>;
  readonly query: Parsed<Q>;
  readonly body: Parsed<B>;
  readonly principal: Principal;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * Registers an endpoint under `/api`: the route, its validation, its page in the OpenAPI document, and the operation
 * for functions that call. The handler answers the response's value, or a whole Response where it is more than
 * JSON; a function that calls has no HTTP, and so no context.
 */
export function endpoint<
  R extends z.ZodType,
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
>(
  app: App,
  maxBodyBytes: number,
  contract: Contract<P, Q, B, R>,
  handle: (
    input: Input<P, Q, B>,
    c: Context<Env> | undefined,
  ) => Promise<z.input<R> | Response>,
): void {
  document(app, contract);
  const { operationId, method, right = method === "get" ? "read" : "write" } = contract;
  const run = (
    { params, query, body }: OperationRequest,
    principal: Principal,
    from: Context<Env> | AbortSignal,
  ) => {
    requirePermission(principal, right, operationId);
    return handle({
      params: parse(contract.params, params),
      query: parse(contract.query, query),
      body: parse(contract.body, body),
      principal,
      // Asked for by few: Hono makes it when it is.
      get signal() {
        return from instanceof AbortSignal ? from : from.req.raw.signal;
      },
    } as Input<P, Q, B>, from instanceof AbortSignal ? undefined : from);
  };
  app.operations.set(
    operationId,
    async (request, by, signal) => await run(request, by, signal) as object,
  );
  app.on(method.toUpperCase(), routePath(contract.path, contract.slashes), async (c) => {
    const body = method === "get"
      ? {}
      : parseJsonBody(await readBody(c.req.raw, maxBodyBytes, "--max-body"));
    const query = snakeCaseKeys(c.req.query());
    const answer = await run({ params: c.req.param(), query, body }, c.get("principal"), c);
    return answer instanceof Response ? answer : c.json(answer as object);
  });
}

function document(
  app: App,
  contract: Contract<Schema | undefined, Schema | undefined, Schema | undefined, z.ZodType>,
): void {
  const { operationId, method, path, summary, params, query, body, headers, response } = contract;
  app.openAPIRegistry.registerPath({
    operationId,
    method,
    path,
    summary,
    tags: [operationId.split(".").at(-2) ?? ""],
    security: [{ bearerAuth: [] }, { oauth: [] }],
    request: {
      ...params && { params },
      ...query && { query },
      ...headers && { headers },
      ...body && { body: { content: { "application/json": { schema: body } } } },
    },
    responses: {
      200: { description: "OK", content: { "application/json": { schema: response } } },
      default: {
        description: "An error",
        content: {
          "application/json": { schema: { $ref: "#/components/schemas/google.rpc.Status" } },
        },
      },
    },
  });
}

/** `/a/{b}` in Hono's words: `/a/:b`. */
function routePath(path: string, slashes: string | undefined): string {
  return path.replace(
    /\{(\w+)\}/g,
    (_, name: string) => name === slashes ? `:${name}{(?:refs/tags/)?[^/]+}` : `:${name}`,
  );
}

/** @throws INVALID_FIELD with every fault that was found */
function parse(schema: Schema | undefined, value: unknown): unknown {
  if (schema === undefined) return {};
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const violations = parsed.error.issues.map(({ path, message }): FieldViolation => ({
    field: path.length === 0 ? "body" : fieldPath(path),
    description: message.replace(/^Invalid input: e/, "e"),
  }));
  throw invalid(...violations as [FieldViolation, ...FieldViolation[]]);
}

/** `["list", 0, "a"]` -> `list[0].a` */
function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number"
        ? `${text}[${key}]`
        : text === ""
        ? String(key)
        : `${text}.${String(key)}`,
    "",
  );
}

/** C1 spells query parameters in snake_case; its gateway takes camelCase as well. */
function snakeCaseKeys(query: Record<string, string>): Record<string, string> {
  const entries = Object.entries(query).map(([key, value]) =>
    [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value] as const
  );
  return Object.fromEntries(entries);
}
