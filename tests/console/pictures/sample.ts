/** A server with the examples and the templates of the console, and a day of invocations. */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { Client, Json } from "../../support/client.ts";
import { ok } from "../../support/expect.ts";
import { runInvoked } from "../../support/invoked.ts";
import { ROOT } from "../../support/repository.ts";
import { TestServer } from "../../support/server.ts";
import { giveDay } from "./history.ts";

const FOLDERS = [
  "examples/calls-functions",
  "examples/csv-report",
  "examples/npm-package",
  "examples/user-name",
  "templates/fan-out",
  "templates/html-page",
  "templates/scheduled-report",
  "templates/webhook-receiver",
];
const VOLUMES = ["sales", "user-names"];
const INVOCATIONS = 3_000;
const SALES = "region,amount\nnorth,120.50\nsouth,80\nnorth,42.25\nwest,310\n";
const ORDER = {
  id: "AB-17",
  placedAt: "2026-01-05T10:00:00Z",
  items: [{ price: 9.95, count: 3 }],
};
const NAMES = ["Ada", "Grace", "Katherine", "Margaret", "Radia", "Barbara"];

/** Ids of functions by their names. */
export type Ids = Readonly<Record<string, string>>;

/** What the pictures show. */
export interface Sample extends AsyncDisposable {
  readonly server: TestServer;
  readonly ids: Ids;
}

/** Boots the server twice: the day of invocations is written between. */
export async function startSample(dataDir: string): Promise<Sample> {
  const env = { INVOKED_CHECK_TYPES: "true" };
  {
    await using server = await TestServer.start({ dataDir, env });
    const client = await server.client();
    for (const displayName of VOLUMES) {
      ok(await client.post("/api/v1/vfs/volumes", { displayName }));
    }
    await deployAll(dataDir);
    await callAll(client, await idsOf(client));
    await server.stop();
  }
  giveDay(dataDir, INVOCATIONS);
  const server = await TestServer.start({ dataDir, env });
  const ids = await idsOf(await server.client());
  return { server, ids, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function deployAll(dataDir: string): Promise<void> {
  for (const folder of FOLDERS) {
    // A copy: to deploy writes a lock file beside the code.
    const copy = join(dataDir, "samples", folder.split("/").at(-1) ?? "");
    await cp(new URL(folder, ROOT), copy, { recursive: true });
    const { code, stderr } = await runInvoked(["deploy", "--publish"], {
      cwd: copy,
      env: { INVOKED_DATA: dataDir },
    });
    assert.equal(code, 0, stderr);
  }
}

async function idsOf(client: Client): Promise<Ids> {
  const { list } = ok(await client.post("/api/v1/search/functions", { pageSize: 100 }));
  return Object.fromEntries(list.map(({ displayName, id }: Json) => [displayName, id]));
}

/** Calls every function, sometimes with an error. */
async function callAll(client: Client, ids: Ids): Promise<void> {
  const call = (name: string, input: unknown) => client.invoke(ids[name] ?? "", input);
  const volume = ok(await client.get("/api/v1/vfs/volumes")).list
    .find(({ displayName }: Json) => displayName === "sales");
  const file = `/api/v1/vfs/volumes/${volume.id}/files/sales.csv`;
  const { status } = await client.call("PUT", file, SALES, { "content-type": "text/csv" });
  assert.equal(status, 201);
  for (const name of NAMES) {
    await call("hello", { name });
    await call("npm-package", ORDER);
    await call("user-name", { givenName: name, familyName: "Byron" });
  }
  await call("calls-functions", { names: NAMES });
  await call("csv-report", { groupBy: "region", sum: "amount" });
  await call("csv-report", { groupBy: "region", sum: "total" });
  await call("fan-out", { functionId: ids["hello"], inputs: NAMES.map((name) => ({ name })) });
  await call("user-name", { givenName: 7 });
  await call("scheduled-report", {});
}
