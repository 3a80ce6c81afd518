/** A declared tenant that tests and `invoked dev` do not call: no call falls back to people of a server. */
import assert from "node:assert/strict";
import { Running, UNCHECKED } from "../cli/support.ts";
import { makeTempDir } from "../support/invoked.ts";
import { sharedServer } from "../support/shared_server.ts";
import { unique } from "../triggers/support.ts";
import { Folder, notesOf } from "./support/recording_folder.ts";

/** People and apps: `user` is a namespace that a server answers for functions without a tenant. */
const MAIN = `import { sdk } from "@c1/functions-sdk";
const reasonOf = (error: { body?: string }) => JSON.parse(error.body ?? "{}").details?.[0]?.reason;
export default async function main() {
  const calls = [sdk.user.list(), sdk.userSearch.search(), sdk.apps.list()];
  const settled = await Promise.allSettled(calls);
  return { ends: settled.map((end) => end.status === "rejected" ? reasonOf(end.reason) : "people") };
}
`;
const NOT_CALLED = Array<string>(3).fill("TENANT_NOT_CALLED");
const NOT_SET = ["ROLE_MISSING", "ROLE_MISSING", "TENANT_NOT_SET"];
const testsOf = (ends: readonly string[]) =>
  `import { test, type TestContext } from "@c1/test";
export default function registerTests({ handler }: TestContext) {
  test("ends", async ({ deepEqual }) => deepEqual((await handler({})).ends, ${
    JSON.stringify(ends)
  }));
}
`;

Deno.test("a tenant that is not called has a reason of its own", async (t) => {
  await using directory = await makeTempDir();
  const folder = await Folder.make(directory.path, { id: "acme" });
  const manifest = (tenant?: object) =>
    folder.write("invoked.json", JSON.stringify({ name: unique("people"), tenant }));
  await folder.write("main.ts", MAIN);
  await folder.write("main.test.ts", testsOf(NOT_CALLED));
  await t.step("invoked test, with a tenant of C1 and the example tenant", async () => {
    notesOf(await folder.run(["test"]));
    await manifest({ id: "example" });
    notesOf(await folder.run(["test"]));
  });
  await t.step("invoked test --remote, whatever people the server has", async () => {
    const env = { INVOKED_DATA: (await sharedServer()).dataDir };
    notesOf(await folder.run(["tenants", "add", "--example"], env));
    notesOf(await folder.run(["deploy"], env));
    notesOf(await folder.run(["test", "--remote"], env));
  });
  await t.step("invoked dev names the options that help", async () => {
    await manifest({ id: "acme" });
    await folder.write("main.ts", MAIN.replace("return {", "console.log(settled);\n  return {"));
    await using dev = new Running(["dev"], UNCHECKED, folder.path);
    await dev.printed(
      "stdout",
      /"TENANT_NOT_CALLED",\s+"TENANT_NOT_CALLED",\s+"TENANT_NOT_CALLED"/,
    );
    const message = /a local server calls tenant acme only with --record FOLDER; --replay FOLDER/;
    assert.match(dev.stdout + dev.stderr, message);
    assert.equal(await dev.stop("SIGTERM"), 0);
  });
  await t.step("a function without a tenant may still ask this server for its people", async () => {
    await manifest();
    await folder.write("main.test.ts", testsOf(NOT_SET));
    notesOf(await folder.run(["test"]));
  });
});
