/** A long history in the console: it scrolls, while the page stays small. */
import assert from "node:assert/strict";
import { fill } from "../../bench/history.ts";
import { browserTest, ConsoleBrowser, type Page } from "../support/console.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { IS_LONG } from "../support/seed.ts";
import { TestServer } from "../support/server.ts";

const INVOCATIONS = IS_LONG ? 100_000 : 10_000;
/** Rows that are read by scrolling. */
const SCROLLED = IS_LONG ? 5_000 : 1_000;
/** Rows that are drawn: a few screens. */
const DRAWN_MAX = 150;
const ROW_HEIGHT = 34;
const WHEEL_PX = 4_000;

async function filledDirectory(dataDir: string): Promise<void> {
  let id: string;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    id = await client.deploy(`export default () => ({});`);
    ok(await client.invoke(id));
    await server.stop();
  }
  await fill(dataDir, id, { functions: 10, invocations: INVOCATIONS });
}

async function drawn(page: Page): Promise<number> {
  return await page.evaluate("document.querySelectorAll('tr').length");
}

/** Rows that fit into the height of the document, which grows as pages load. */
async function loaded(page: Page): Promise<number> {
  const height = await page.evaluate("document.documentElement.scrollHeight");
  return Math.floor(Number(height) / ROW_HEIGHT);
}

browserTest("console: a long list scrolls, and draws what is visible", async (t) => {
  await using directory = await makeTempDir();
  await filledDirectory(directory.path);
  await using server = await TestServer.start({ dataDir: directory.path });
  await using console = await ConsoleBrowser.open(server);
  const { page } = console;
  const table = page.getByRole("table", { name: /^Invocations/ });

  await t.step(`${SCROLLED} rows by wheel`, async () => {
    await console.goto("/invocations");
    await table.getByRole("row").nth(1).waitFor();
    await page.mouse.move(640, 600);
    let most = 0;
    for (let rows = 0; rows < SCROLLED; rows = await loaded(page)) {
      await page.mouse.wheel(0, WHEEL_PX);
      // Until the next page is there, the wheel is at the end.
      await page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))");
      most = Math.max(most, await drawn(page));
    }
    assert.ok(most > 10 && most < DRAWN_MAX, `${most} rows drawn`);
    const heap = await page.evaluate("performance.memory.usedJSHeapSize");
    globalThis.console.log(`${most} rows drawn; heap ${Number(heap) >> 20} MiB`);
  });
});
