/** What the tests of the tabs of a function share. */
import type { Locator } from "playwright-core";
import type { Client, Json } from "../support/client.ts";
import type { ConsoleBrowser } from "../support/console.ts";
import { ok } from "../support/expect.ts";

/** A function answers its version and, to a request, the path. */
export const FIRST = `export default () => ({ version: 1 });
export const fetch = (request) => new Response("path " + new URL(request.url).pathname);
`;
const SECOND = FIRST.replace("version: 1", "version: 2");
const HOSTILE = "<img src=x onerror=alert(1)>\u202E";

export type Tabs = Awaited<ReturnType<typeof openTabs>>;

/** A function with two commits, of which the second is published and the first has a tag, and the parts of its page. */
export async function openTabs(console: ConsoleBrowser, client: Client) {
  const { page } = console;
  const id = await client.deploy(FIRST);
  const update = async (fn: Json, more: Json = {}) =>
    ok(await client.post("/api/v1/functions/update", { function: { id, ...fn }, ...more }));
  const { function: { publishedCommitId: first } } = ok(
    await client.get(`/api/v1/functions/${id}`),
  );
  const { function: { head: second } } = await update({}, {
    content: { "main.ts": btoa(SECOND) },
    commitMessage: `second ${HOSTILE}`,
  });
  await update({ publishedCommitId: second }, { updateMask: "publishedCommitId" });
  ok(await client.post(`/api/v1/functions/${id}/tags`, { commitId: first, name: "stable" }));
  return {
    console,
    client,
    page,
    id,
    first: first as string,
    second: second as string,
    update,
    version: async () => JSON.parse(atob(ok(await client.invoke(id)).json)).version as number,
    button: (name: string | RegExp): Locator => page.getByRole("button", { name }),
    // Toasts have the role of dialogs, too.
    dialog: page.locator(".dialog"),
    row: (text: string | RegExp): Locator => page.getByRole("row").filter({ hasText: text }),
  };
}
