/** A commit whose types could not be checked, in the console. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import type { ConsoleBrowser } from "../support/console.ts";
import { eventually } from "../support/eventually.ts";
import { HUGE_TYPES } from "../support/huge_types.ts";

/** A check takes seconds of processor time, and as long as it takes on a busy machine. */
const CHECK_PATIENCE_MS = 600_000;

/** The server has too little memory for the check. */
export async function typesNotChecked(
  { client, console }: { readonly client: Client; readonly console: ConsoleBrowser },
): Promise<void> {
  const { page } = console;
  const { "main.ts": main, ...files } = HUGE_TYPES;
  // Only the file beside main.ts has the function's tests.
  const id = await client.deploy(main, { ...files, "lib/main.test.ts": "export {};\n" });
  const { body: { function: { head } } } = await client.get(`/api/v1/functions/${id}`);
  await eventually(
    async () => {
      const { body } = await client.get(`/api/v1/functions/${id}/commits/HEAD`);
      return body.typeCheck.state === "TYPE_CHECK_STATE_PENDING" ? undefined : true;
    },
    "the end of the type check",
    CHECK_PATIENCE_MS,
  );
  for (const address of [`/functions/${id}`, `/functions/${id}?commit=${head}`]) {
    await console.goto(address);
    await page.getByText(/^Types not checked: the .*--check-memory/).waitFor();
    assert.equal(await page.getByText("--check-memory").count(), 1, "it is no problem of the code");
  }
  await console.assertAccessible();
  // A publish says it, too.
  const change = { function: { id, publishedCommitId: "" }, updateMask: "publishedCommitId" };
  assert.equal((await client.post("/api/v1/functions/update", change)).status, 200);
  await page.getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: /^Publish commit/ });
  await dialog.getByText("Not checked").waitFor();
  await dialog.getByText(/--check-memory/).waitFor();
  await dialog.getByText("No tests: the commit has no main.test.ts.").waitFor();
  await dialog.getByRole("button", { name: "Publish", exact: true }).waitFor();
  await console.assertAccessible();
  await dialog.getByRole("button", { name: "Cancel" }).click();
}
