/** Long lists in the console: they scroll, while the page stays small. */
import assert from "node:assert/strict";
import { fill, NEEDLE, OLDEST_FUNCTION } from "../../bench/history.ts";
import type { Client, Json } from "../support/client.ts";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { IS_LONG } from "../support/seed.ts";
import type { Journey } from "./stage.ts";

/** Some times more than the rows that are read by scrolling. */
const INVOCATIONS = IS_LONG ? 100_000 : 1_600;
const FUNCTIONS = IS_LONG ? 10_000 : 1_600;
/** Rows that are read by scrolling: more than twice as many as may be drawn. */
const SCROLLED = IS_LONG ? 5_000 : 400;
/** Rows of a few pages of the list, which a reader is down where the number does not matter. */
const FAR_DOWN = 400;
/** Rows that are drawn: a few screens. */
const DRAWN_MAX = 150;
/** Of a page of the list, and what is above it. */
const PAGE_ROWS = 150;
const WHEEL_PX = 4_000;

/** More invocations than one page of the list holds. */
const ARRIVALS = 120;
/** Less than a screen. */
const DRAWN_PX = 400;
/** Which row has the focus, where it is on the screen, and how far the page is scrolled. */
const POSITION = `(() => {
  const link = document.activeElement;
  const row = link.closest("tr");
  return [link.href, row && Math.round(row.getBoundingClientRect().top), Math.round(scrollY)].join(" ");
})()`;
/** Whether the table has all the rows ahead that it asks for. */
const IS_SETTLED = `(() => {
  const last = [...document.querySelectorAll("tr[aria-rowindex]")].at(-1);
  const isLoading = last.parentElement.textContent.includes("Loading more");
  const below = last.parentElement.getBoundingClientRect().bottom - last.getBoundingClientRect().bottom;
  return !isLoading && Math.round(below / last.getBoundingClientRect().height) >= 100;
})()`;
const DRAWN_IDS = `[...document.querySelectorAll("tr[aria-rowindex] a")]
  .map((link) => link.pathname.split("/").at(-1))`;
/** The row in the middle of the screen, and where it is; null while a scroll is ahead of what is drawn. */
const MIDDLE_ROW = `(() => {
  const rows = [...document.querySelectorAll("tr[aria-rowindex]")];
  const row = rows.find((one) => one.getBoundingClientRect().top > innerHeight / 2);
  if (row === undefined) return null;
  return [row.querySelector("a").pathname, Math.round(row.getBoundingClientRect().top)].join(" ");
})()`;
/** So long that a wheel which still turns would move the page. */
const SOME_FRAMES = `new Promise((resolve) => {
  const next = (left) => left === 0 ? resolve() : requestAnimationFrame(() => next(left - 1));
  next(10);
})`;
const WATCH_ROWS = `(() => {
  const count = () => document.querySelectorAll("tr[aria-rowindex]").length;
  window.leastRows = count();
  new MutationObserver(() => window.leastRows = Math.min(window.leastRows, count()))
    .observe(document.body, { childList: true, subtree: true });
})()`;

/** Invocations that wait for tomorrow: they are in the list at once, and need no process. */
async function arrive(client: Client, count: number): Promise<void> {
  const [{ id }] = ok(await client.get("/api/v1/functions?page_size=100")).list;
  const at = new Date(Date.now() + 86_400_000).toISOString();
  const headers = { prefer: "respond-async", "invoke-at": at };
  for (let n = 0; n < count; n++) ok(await client.invoke(id, {}, headers));
}

/** The ids of the newest invocations. */
async function newest(client: Client, count: number): Promise<string[]> {
  const ids: string[] = [];
  let pageToken = "";
  while (ids.length < count) {
    const request = { view: "INVOCATION_VIEW_BASIC", pageSize: 100, pageToken };
    const { list, nextPageToken } = ok(await client.post("/api/v1/search/invocations", request));
    ids.push(...list.map((one: Json) => one.id));
    pageToken = nextPageToken;
  }
  return ids.slice(0, count);
}

/** Gives the data of a server that is stopped a long history of the function, which was called before. */
export async function fillLists(dataDir: string, id: string): Promise<void> {
  await fill(dataDir, id, { functions: FUNCTIONS, invocations: INVOCATIONS });
}

async function drawn(page: Page): Promise<number> {
  return await page.evaluate("document.querySelectorAll('tr').length");
}

/** Rows that fit into the height of the document, which grows as pages load. */
async function loaded(page: Page): Promise<number> {
  return Number(
    await page.evaluate(`(() => {
      const row = document.querySelector("tr[aria-rowindex]");
      const height = row?.getBoundingClientRect().height ?? Infinity;
      return Math.floor(document.documentElement.scrollHeight / height);
    })()`),
  );
}

/** Waits until no page of rows is on its way: the table asks for the next one a page ahead. */
async function settled(page: Page): Promise<void> {
  await atRest(page);
  await eventually(async () => await page.evaluate(IS_SETTLED) === true || undefined, "the rows");
}

/** Waits until the wheel has stopped and what it leads to is drawn; answers the row in the middle of the screen. */
async function atRest(page: Page): Promise<string> {
  return await eventually(async () => {
    const row = await page.evaluate<string | null>(MIDDLE_ROW);
    await page.evaluate(SOME_FRAMES);
    return row !== null && row === await page.evaluate(MIDDLE_ROW) ? row : undefined;
  }, "a page at rest");
}

/** Scrolls through as many rows as are asked for; answers how many were drawn at most. */
async function scroll(page: Page, count: number): Promise<number> {
  await page.mouse.move(640, 600);
  let most = 0;
  for (let rows = 0; rows < count; rows = await loaded(page)) {
    await page.mouse.wheel(0, WHEEL_PX);
    // Before the next page is there, the wheel is at the end.
    await page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))");
    most = Math.max(most, await drawn(page));
  }
  assert.ok(most > 10 && most < DRAWN_MAX, `${most} rows drawn`);
  return most;
}

/** Opens the row in the middle of the screen, and comes back to it in each way: no row moves, whatever arrives meanwhile. */
async function comesBack(
  console: ConsoleBrowser,
  list: string,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const { page } = console;
  const before = await atRest(page);
  const [path = ""] = before.split(" ");
  const back = [
    () => page.goBack(),
    () => page.locator(".page-above").getByRole("link", { name: list }).click(),
  ];
  for (const goBack of back) {
    const url = page.url();
    await page.locator(`tr a[href="${path}"]`).click();
    await page.waitForURL((shown) => shown.pathname === path);
    await page.locator(".page-above").waitFor();
    await meanwhile();
    await goBack();
    await page.getByRole("heading", { level: 1, name: list }).waitFor();
    await page.locator(`tr a[href="${path}"]`).waitFor();
    assert.equal(page.url(), url);
    await eventually(
      async () => await page.evaluate(MIDDLE_ROW) === before || undefined,
      `${before} after the way back`,
    );
  }
}

/** The server has long lists, see {@link fillLists}. */
export async function scrollsLists(
  t: Deno.TestContext,
  { console, client }: Journey,
): Promise<void> {
  const { page } = console;
  const table = page.getByRole("table", { name: /^Invocations/ });

  await t.step(`${SCROLLED} rows by wheel`, async () => {
    await console.goto("/invocations");
    await table.getByRole("row").nth(1).waitFor();
    const most = await scroll(page, SCROLLED);
    const heap = await page.evaluate("performance.memory.usedJSHeapSize");
    globalThis.console.log(`${most} rows drawn; heap ${Number(heap) >> 20} MiB`);
  });

  await t.step("a page that does not load is asked for again by the reader", async () => {
    let asked = 0;
    await page.route(/\/search\/invocations$/, (route) => {
      if (route.request().postDataJSON().pageToken === "") return route.continue();
      asked += 1;
      return route.fulfill({ status: 400, json: { code: 3, message: "no such page" } });
    });
    await console.goto("/invocations");
    const alert = page.getByRole("alert").filter({ hasText: "Loading more failed: no such page" });
    const again = alert.getByRole("button", { name: "Try again" });
    await alert.waitFor();
    await again.click();
    await eventually(() => asked > 1 || undefined, "another request");
    await again.waitFor();
    assert.equal(asked, 2);
    await page.unrouteAll();
    await again.click();
    await alert.waitFor({ state: "detached" });
    await eventually(async () => await loaded(page) > PAGE_ROWS || undefined, "the next page");
    await scroll(page, FAR_DOWN);
  });

  await t.step("what arrives while one is far down moves nothing", async () => {
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    const before = await page.evaluate(POSITION);
    assert.match(String(before), /^http.* \d+ \d+$/, "a row is focused");
    const height = await loaded(page);
    await arrive(client, 1);
    await page.getByRole("button", { name: "Show 1 new invocation", exact: true }).waitFor();
    assert.equal(await page.evaluate(POSITION), before);
    await arrive(client, ARRIVALS);
    await page.getByRole("button", { name: "Show 100+ new invocations" }).waitFor();
    assert.equal(await page.evaluate(POSITION), before);
    assert.equal(await loaded(page), height);
    await page.keyboard.press("k");
    assert.notEqual(await page.evaluate(POSITION), before);
  });

  await t.step("more arrivals than a page replace the list, which is never empty", async () => {
    await page.evaluate(WATCH_ROWS);
    await page.getByRole("button", { name: "Show 100+ new invocations" }).click();
    const expected = await newest(client, ARRIVALS + 100);
    await table.locator(`a[href$="${expected[0]}"]`).waitFor();
    const seen = new Set<string>();
    while (!expected.every((id) => seen.has(id))) {
      for (const id of await page.evaluate(DRAWN_IDS) as string[]) seen.add(id);
      await page.mouse.wheel(0, DRAWN_PX);
      await page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))");
    }
    assert.ok(Number(await page.evaluate("window.leastRows")) > 10);
  });

  await t.step("who opens an invocation comes back to the same rows", async () => {
    for (const size of [{ width: 1280, height: 820 }, { width: 390, height: 800 }]) {
      await page.setViewportSize(size);
      await console.goto("/invocations?status=SUCCESS");
      await table.getByRole("row").nth(1).waitFor();
      await scroll(page, FAR_DOWN);
      await settled(page);
      await comesBack(console, "Invocations", () => arrive(client, 1));
    }
    await page.setViewportSize({ width: 1280, height: 820 });
    // A filter that counts back from now finds the same rows.
    await console.goto("/invocations?since=1h");
    await table.getByRole("row").nth(12).waitFor();
    await page.mouse.wheel(0, WHEEL_PX / 2);
    await eventually(async () => await page.evaluate("scrollY > 1000") || undefined, "a scroll");
    await comesBack(console, "Invocations", () => arrive(client, 1));
    await page.getByRole("button", { name: "Show 2 new invocations", exact: true }).waitFor();
    // Another way to the list begins with the newest.
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Functions" })
      .click();
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Invocations" })
      .click();
    const [newestId] = await newest(client, 1);
    await table.locator(`a[href$="${newestId}"]`).waitFor();
    assert.equal(await page.evaluate("scrollY"), 0);
  });

  await t.step(`${SCROLLED} of ${FUNCTIONS} functions by wheel, and one by its name`, async () => {
    await console.goto("/functions");
    const functions = page.getByRole("table", { name: "Functions" });
    await functions.getByRole("row").nth(1).waitFor();
    await functions.getByRole("button", { name: "Name" }).click();
    await scroll(page, SCROLLED);
    await settled(page);
    await comesBack(console, "Functions", async () => {});
    await page.getByRole("searchbox").fill(NEEDLE);
    await functions.getByRole("link", { name: OLDEST_FUNCTION }).waitFor();
    await functions.getByRole("row").nth(2).waitFor({ state: "detached" });
  });
}
