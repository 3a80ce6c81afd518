/** Operations of the OpenAPI document, and the error of a field that is sent in both spellings. */
import assert from "node:assert/strict";
import type { Answer, Client, Json } from "../support/client.ts";
import { assertInvalid, ok } from "../support/expect.ts";

export function assertBoth(answer: Answer<Json>, field: string, spellings: string): void {
  assertInvalid(answer, field);
  assert.equal(answer.body.message, `${field}: was sent as ${spellings}; send one of them`);
}

/** An operation of the OpenAPI document. */
interface Described {
  readonly id: string;
  readonly method: string;
  /** With values for its parameters. */
  readonly path: string;
  readonly query: readonly string[];
  /** Schema of the JSON of its body. */
  readonly body: Json;
}

/** The operations that take an access token, and a function that follows references of the document. */
export async function described(client: Client) {
  const document = ok(await client.get("/openapi.json"));
  const operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).filter(([, { security }]) => security !== undefined)
      .map(([method, { operationId, parameters = [], requestBody }]): Described => ({
        id: operationId,
        method: method.toUpperCase(),
        path: path.replaceAll(/\{\w+\}/g, "x"),
        query: parameters.filter((each: Json) => each.in === "query").map((each: Json) =>
          each.name
        ),
        body: requestBody?.content["application/json"]?.schema ?? {},
      }))
  );
  const follow = (schema: Json): Json =>
    schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split("/").at(-1)];
  return { operations, follow };
}
