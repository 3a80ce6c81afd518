/** Requests that clients build from the OpenAPI types; the type check rejects requests that the document does not have. */
import assert from "node:assert/strict";
import { z } from "zod";
import type { Session } from "../../src/cli/client/session.ts";
import { httpRequest } from "../../src/resources/request.ts";

const COMMIT = "GET /api/v1/functions/{function_id}/commits/{id}";

Deno.test("values fill path, query, headers and body, and absent ones are left out", () => {
  const path = { function_id: "{id}/../x", id: ["refs", "tags", "v 1/2"] };
  assert.deepEqual(httpRequest(COMMIT, { path, query: { show_purged: undefined } }), {
    method: "GET",
    url: "/api/v1/functions/%7Bid%7D%2F..%2Fx/commits/refs/tags/v%201%2F2",
    headers: {},
    body: undefined,
  });
  const query = { page_size: 10, page_token: "a&b=c" };
  assert.equal(
    httpRequest("GET /api/v1/functions", { query }).url,
    "/api/v1/functions?page_size=10&page_token=a%26b%3Dc",
  );
  const header = { Prefer: "respond-async", "Invoke-At": undefined };
  const body = { json: "e30=", commitId: undefined };
  assert.deepEqual(
    httpRequest("POST /api/v1/functions/{function_id}/invoke", {
      path: { function_id: "f" },
      header,
      body,
    }),
    {
      method: "POST",
      url: "/api/v1/functions/f/invoke",
      headers: { Prefer: "respond-async", "Content-Type": "application/json" },
      body: '{"json":"e30="}',
    },
  );
});

/** Never runs: each line is an error of types. */
function _rejectedRequests(session: Session): void {
  const [path, schema] = [{ function_id: "f", id: "c" }, z.unknown()];
  const read = z.object({ commit: z.object({ massage: z.string() }) });
  // @ts-expect-error an operation that the document does not have
  void session.call("", "GET /api/v1/functions/{name}", schema, {});
  // @ts-expect-error a method that the path does not have
  void session.call("", "PATCH /api/v1/functions/{id}", schema, { path });
  // @ts-expect-error a value of the path is missing
  void session.call("", COMMIT, schema, { path: { id: "c" } });
  // @ts-expect-error a parameter that the operation does not have
  void session.call("", COMMIT, schema, { path, query: { purged: "true" } });
  // @ts-expect-error a field of the body that the operation does not have
  void session.call("", "POST /api/v1/functions", schema, { body: { name: "f" } });
  // @ts-expect-error a field of the answer that the document does not have
  void session.call("", COMMIT, read, { path });
  // @ts-expect-error a field of an item that the document does not have
  void session.list("", "GET /api/v1/functions", z.object({ name: z.string() }), 1, {});
}
