/** Tenants that choose their answers so that the server finds no echo. */
import assert from "node:assert/strict";
import { unbase64 } from "../support/client.ts";
import { deployCaller, openTenantStage } from "./calls_functions.ts";

/** Returns the text of an error as its tenant has written it. */
const ERROR_READER = `import { sdk } from "@c1/functions-sdk";
export default async function main(): Promise<any> {
  try {
    return { body: JSON.stringify(await sdk.apps.list({})) };
  } catch (error: any) {
    return { body: error.body };
  }
}`;

function escaped(text: string): string {
  return Array.from(text, (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0")).join(
    "",
  );
}

Deno.test("a function gets no token from a field that occurs twice", async () => {
  await using stage = await openTenantStage();
  const { client, tenant, tenantId } = stage;
  const id = await deployCaller(client, { id: tenantId }, ERROR_READER);
  for (const status of [400, 200]) {
    tenant.api = ({ headers }, response) => {
      const token = (headers.authorization ?? "").replace("Bearer ", "");
      response.writeHead(status, { "content-type": "application/json" });
      response.end(`{"code":3,"message":"caf\\u00e9","x":"${escaped(token)}","x":"y"}`);
    };
    const { body } = await client.invoke(id, {});
    const seen = JSON.parse(unbase64(body.json)).body;
    assert.match(seen, /café/);
    for (const token of tenant.tokens) {
      assert.equal(seen.includes(token) || seen.includes(escaped(token)), false, seen);
    }
  }
});
