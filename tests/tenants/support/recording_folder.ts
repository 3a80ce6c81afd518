/** The folder of a function that calls a tenant, for commands that record and replay the tenant's answers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Run, runInvoked } from "../../support/invoked.ts";
import { unique } from "../../triggers/support.ts";

export const MAIN = `import { sdk } from "@c1/functions-sdk";
export default async function main({ query }: { query: string }) {
  const { searchUsersResponse } = await sdk.userSearch.search({ query });
  const [view] = searchUsersResponse?.list ?? [];
  const answer = await sdk.user.get({ id: view?.userId ?? "" });
  const user = answer.userServiceGetResponse?.userView?.user;
  return { name: user?.displayName ?? "", department: user?.department ?? "" };
}
`;
export const TESTS = `import { test, type TestContext } from "@c1/test";
export default function registerTests({ handler }: TestContext) {
  test("finds", async ({ deepEqual }) => {
    const found = await handler({ query: "user-5@" });
    deepEqual(found, { name: "Masked name 1", department: "Engineering" });
  });
}
`;

/** The folder of a function that calls a tenant. */
export class Folder {
  private constructor(readonly path: string) {}

  /** @param tenant the setting of the function */
  static async make(parent: string, tenant: { readonly id: string }): Promise<Folder> {
    const folder = new Folder(join(parent, tenant.id));
    await Deno.mkdir(folder.path);
    await folder.write("main.ts", MAIN);
    await folder.write("main.test.ts", TESTS);
    await folder.write("invoked.json", JSON.stringify({ name: unique("finder"), tenant }));
    return folder;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.path, name), text);
  }

  async read(name: string): Promise<string> {
    return await Deno.readTextFile(join(this.path, name));
  }

  async remove(name: string): Promise<void> {
    await Deno.remove(join(this.path, name));
  }

  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
    return await runInvoked(args, { cwd: this.path, env });
  }
}

/** Fails unless the command succeeded; answers what it printed on stderr. */
export function notesOf({ code, stdout, stderr }: Run): string {
  assert.equal(code, 0, stdout + stderr);
  return stderr;
}
