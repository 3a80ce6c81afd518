/** Volumes in the console: made, filled, edited, previewed, restored. */
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client } from "../support/client.ts";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { listFits } from "./narrow_lists.ts";
import type { Journey } from "./stage.ts";

const HOSTILE_FILE = `<img src=x onerror=alert(1)>\u202Etxt.md`;
/** Invisible characters of all kinds, and emoji that have such within. */
const INVISIBLE = "a\n\u00ad\u061c\u180e\u200b\u2028\u3164\ufe0f\u{e0041} ❤️👩‍🚀";
const VISIBLE = String.raw`a \u00ad\u061c\u180e\u200b\u2028\u3164\ufe0f\u{e0041} ❤️👩‍🚀`;
const CSV = "name,age\nAda,36\nGrace,85\nEdsger,9\nAlan,36\n";

/** A picture of one pixel. */
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E" +
  "rkJggg==";
/** More entries than a directory reader answers at a time. */
const DROPPED = 101;

async function stored(url: string, token: string | undefined): Promise<string> {
  return await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text();
}

/** Waits until the page says so; a note says "Not saved". */
async function saved(page: Page): Promise<void> {
  await page.locator(".toast").getByText("Saved", { exact: true }).first().waitFor();
}

/** Drops a folder of the disk, as a file manager does. */
async function dropsFolder(console: ConsoleBrowser, path: string): Promise<void> {
  const { page } = console;
  await using folder = await makeTempDir();
  const site = join(folder.path, "site");
  await Deno.mkdir(join(site, "empty"), { recursive: true });
  await Deno.mkdir(join(site, "(b #?%)", "deep"), { recursive: true });
  await Deno.writeTextFile(join(site, "(b #?%)", "deep", "é '\"&.txt"), "deep");
  for (let n = 0; n < DROPPED; n++) await Deno.writeTextFile(join(site, `${n}.txt`), `${n}`);
  await console.goto(path);
  const target = page.locator(".volumes-drop");
  await page.getByRole("link", { name: "people.csv" }).waitFor();
  const box = await target.boundingBox();
  assert.ok(box !== null);
  const session = await page.context().newCDPSession(page);
  const drop = async (files: string[]) => {
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await session.send("Input.dispatchDragEvent", {
        type,
        x: box.x + 20,
        y: box.y + 20,
        data: { items: [], files, dragOperationsMask: 1 },
      });
    }
  };
  await drop([site]);
  await page.getByText(`Uploaded ${DROPPED + 1} files`).waitFor();
  await page.getByRole("link", { name: "site" }).click();
  await page.getByRole("link", { name: "(b #?%)" }).click();
  await page.getByRole("link", { name: "deep" }).click();
  await page.getByRole("link", { name: "é '" }).click();
  await page.getByLabel("Content").waitFor();
  assert.equal(await page.getByLabel("Content").inputValue(), "deep");
  await page.getByRole("navigation", { name: "Path" }).getByRole("link", { name: "site" }).click();
  await page.getByRole("link", { name: "0.txt", exact: true }).waitFor();
  await console.goto(path);
  await page.getByRole("link", { name: "people.csv" }).waitFor();
  await drop([join(site, "empty")]);
  await page.getByText("Nothing to upload").waitFor();
}

/** What changes between two looks at the clock is later than the first of them. */
async function showsLateTime(console: ConsoleBrowser, client: Client): Promise<void> {
  const tab = await console.newTab();
  await tab.clock.install({ time: Date.now() - 3_600_000 });
  await tab.goto(`${console.url}/volumes`);
  const cells = tab.getByRole("row", { name: /documents/ }).getByRole("cell");
  const [version, changed] = [cells.nth(4), cells.nth(5)];
  const before = await version.innerText();
  await tab.clock.setSystemTime(Date.now());
  const { list: [volume] } = (await client.get("/api/v1/vfs/volumes")).body;
  await client.call("PUT", `/api/v1/vfs/volumes/${volume.id}/files/late.txt`, "late", {
    "content-type": "text/plain",
  });
  const isOther = async () => await version.innerText() !== before || undefined;
  await eventually(isOther, "another version");
  assert.doesNotMatch(await changed.innerText(), /^in /);
  await tab.close();
}

/** The server has no volumes before and after. */
export async function volumes(
  t: Deno.TestContext,
  { server, client, console }: Journey,
): Promise<void> {
  const { page } = console;
  let path = "";

  await t.step("an empty list offers a volume", async () => {
    await console.goto("/volumes");
    await page.getByText("No volumes yet").waitFor();
    await console.assertAccessible();
    await page.getByRole("button", { name: "New volume" }).first().click();
    await page.getByRole("dialog").getByLabel("Name").fill("documents");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "documents" }).waitFor();
    path = new URL(page.url()).pathname;
  });

  await t.step("files are uploaded, and names are text", async () => {
    await page.getByText("This directory is empty").waitFor();
    await page.getByLabel("Files to upload").setInputFiles([
      { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(CSV) },
      { name: "notes.md", mimeType: "text/markdown", buffer: Buffer.from("# One\n") },
      { name: HOSTILE_FILE, mimeType: "text/plain", buffer: Buffer.from("x") },
      { name: "data.bin", mimeType: "", buffer: Buffer.from([0, 1, 2]) },
    ]);
    await page.getByRole("link", { name: "people.csv" }).waitFor();
    await page.getByRole("link", { name: /onerror/ }).waitFor();
    await page.getByLabel("Files to upload").setInputFiles([
      { name: `\u00ad${"x".repeat(300)}`, mimeType: "text/plain", buffer: Buffer.from("x") },
    ]);
    await page.locator(".toast", { hasText: /1 file not uploaded.*\\u00adxxx/s }).waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    await console.assertAccessible("volume");
  });

  await t.step("folders are dropped with all that is in them", () => dropsFolder(console, path));
  await t.step("a time that is over by now is not to come", () => showsLateTime(console, client));

  await t.step("an image, JSON and a large file", async () => {
    const put = async (name: string, content: BodyInit) => {
      const file = `/api/v1/vfs/volumes/${path.split("/").at(-1)}/files/${name}`;
      const response = await fetch(server.url + file, {
        method: "PUT",
        headers: { authorization: `Bearer ${client.token}` },
        body: content,
      });
      await response.body?.cancel();
      assert.ok(response.ok, `${response.status}`);
    };
    await put("pixel.png", Buffer.from(PNG, "base64"));
    await put("broken.json", `{"a": 1,}`);
    await put("large.txt", "x".repeat(1024 * 1024 + 1));
    await put("markup.svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="window.attacked=1"/>`);
    await console.goto(`${path}?file=%2Fpixel.png`);
    const image = page.locator("img.volumes-image");
    await image.waitFor();
    const width = "document.querySelector('img.volumes-image').naturalWidth";
    await eventually(async () => await page.evaluate(width) === 1 || undefined);
    await console.assertAccessible();
    await console.goto(`${path}?file=%2Fbroken.json`);
    await page.getByText("Not JSON:").waitFor();
    await page.getByLabel("Content").fill(`{"a": 1}`);
    await page.getByText("Not JSON:").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Discard changes" }).click();
    await console.goto(`${path}?file=%2Flarge.txt`);
    await page.getByText("This file is too large to show").waitFor();
    assert.equal(await page.getByLabel("Content").count(), 0);
    await console.goto(`${path}?file=%2Fmarkup.svg`);
    assert.match(await page.getByLabel("Content").inputValue(), /onload/);
    assert.equal(await page.evaluate("window.attacked"), undefined);
  });

  await t.step("an address with dots reaches no other resource", async () => {
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await console.load(`${path}?file=%2F..%2F..%2F..%2F..%2Fiam%2Fpersonal_clients`);
    await page.getByRole("alert").waitFor();
    assert.ok(!asked.includes("/api/v1/iam/personal_clients"), asked.join("\n"));
  });

  await t.step("CSV is a table that sorts", async () => {
    await console.goto(path);
    await page.getByRole("link", { name: "people.csv" }).click();
    const table = page.getByRole("table", { name: "Rows of the file" });
    await table.getByText("Grace").waitFor();
    const age = table.getByRole("columnheader", { name: "age" });
    const names = async () => await table.locator("tbody td:first-child").allTextContents();
    const given = ["Ada", "Grace", "Edsger", "Alan"];
    // As numbers, not as text; equal ages stay in the order of the file.
    const steps = [
      ["ascending", ["Edsger", "Ada", "Alan", "Grace"]],
      ["descending", ["Grace", "Ada", "Alan", "Edsger"]],
      [null, given],
    ] as const;
    assert.deepEqual(await names(), given);
    for (const [direction, sorted] of steps) {
      await age.getByRole("button").press("Enter");
      await eventually(async () => await age.getAttribute("aria-sort") === direction || undefined);
      assert.deepEqual(await names(), sorted);
    }
    await age.getByRole("button").click();
    await table.getByRole("row").nth(1).getByText("Edsger").waitFor();
    await console.assertAccessible("volume_csv");
  });

  await t.step("a change elsewhere is not overwritten", async () => {
    await console.goto(`${path}?file=%2Fnotes.md`);
    const text = page.getByLabel("Content");
    await text.fill("# Two\n");
    const file = `/api/v1/vfs/volumes/${path.split("/").at(-1)}/files/notes.md`;
    await client.call("PUT", file, "# Elsewhere\n", { "content-type": "text/plain" });
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").waitFor();
    assert.equal(await text.inputValue(), "# Two\n");
    await page.getByRole("button", { name: "Overwrite" }).click();
    await saved(page);
    assert.equal(await stored(server.url + file, client.token), "# Two\n");
  });

  await t.step("a change that arrives while one types is not overwritten", async () => {
    await console.goto(`${path}?file=%2Fnotes.md`);
    const text = page.getByLabel("Content");
    await text.fill("# Mine\n");
    const file = `/api/v1/vfs/volumes/${path.split("/").at(-1)}/files/notes.md`;
    await client.call("PUT", file, "# Theirs\n", { "content-type": "text/plain" });
    await page.getByText("The file has changed since you began").waitFor();
    assert.equal(await text.inputValue(), "# Mine\n");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("Not saved").waitFor();
    assert.equal(await stored(server.url + file, client.token), "# Theirs\n");
    await console.screenshot("volume_conflict");

    // What was typed is there again after another page, and still knows what it was made of.
    await console.goto("/volumes");
    await console.load(`${path}?file=%2Fnotes.md`);
    await page.getByText("The file has changed since you began").waitFor();
    assert.equal(await text.inputValue(), "# Mine\n");
    await page.getByRole("button", { name: "Discard changes" }).click();
    await eventually(async () => await text.inputValue() === "# Theirs\n" || undefined);
    await client.call("PUT", file, "# Later\n", { "content-type": "text/plain" });
    await eventually(async () => await text.inputValue() === "# Later\n" || undefined);
    await text.fill("# Last\n");
    await page.getByRole("button", { name: "Save" }).click();
    await saved(page);
    assert.equal(await stored(server.url + file, client.token), "# Last\n");
    assert.equal(await page.getByRole("alert").count(), 0);
  });

  await t.step("line ends stay those of the file", async () => {
    const file = `/api/v1/vfs/volumes/${path.split("/").at(-1)}/files/ends.txt`;
    const text = page.getByLabel("Content");
    await client.call("PUT", file, "one\r\ntwo\nthree\r\n", { "content-type": "text/plain" });
    await console.goto(`${path}?file=%2Fends.txt`);
    assert.equal(await text.inputValue(), "one\ntwo\nthree\n");
    await text.fill("one\ntwo\n3\n");
    await page.getByRole("button", { name: "Save" }).click();
    await saved(page);
    assert.equal(await stored(server.url + file, client.token), "one\r\ntwo\n3\r\n");
    assert.ok(await page.getByRole("button", { name: "Save" }).isDisabled());
  });

  await t.step("what is no text is not shown", async () => {
    await console.goto(`${path}?file=%2Fdata.bin`);
    await page.getByText("This file is not text").waitFor();
    const shown = page.getByRole("navigation", { name: "Path" });
    assert.equal(await shown.locator("[aria-current=page]").innerText(), "data.bin");
    assert.deepEqual(await shown.getByRole("link").allInnerTexts(), ["documents"]);
  });

  await t.step("an earlier version comes back", async () => {
    await console.goto(`${path}?tab=history`);
    const table = page.getByRole("table", { name: "Versions" });
    await table.getByText("Current").waitFor();
    await console.assertAccessible("volume_history");
    const before = await table.getByRole("row").count();
    await table.getByRole("button", { name: "Restore" }).last().click();
    await page.getByRole("dialog").getByRole("button", { name: "Restore" }).click();
    await page.getByText("as a new version").waitFor();
    await table.getByRole("row").nth(before).waitFor();
  });

  await t.step("one version has an address", async () => {
    await console.goto(`${path}?tab=history&version=2`);
    const table = page.getByRole("table", { name: "Versions" });
    await table.getByRole("row").nth(1).waitFor();
    assert.equal(await table.getByRole("row").count(), 2);
    assert.match(await table.getByRole("row").nth(1).innerText(), /^2\b/);
    await console.goto(`${path}?tab=history&version=9999`);
    await page.getByText("This version is no longer kept").waitFor();
    await page.getByRole("link", { name: "Show all" }).click();
    await table.getByText("Current").waitFor();
  });

  await t.step("a volume whose name no keyboard has is deleted by its id", async () => {
    const { body } = await client.post("/api/v1/vfs/volumes", { displayName: INVISIBLE });
    const { id } = body.volume;
    await console.goto(`/volumes/${id}`);
    await page.getByRole("heading", { name: VISIBLE }).waitFor();
    assert.equal((await page.title()).replace(/\s+/g, " "), `${VISIBLE} · invoked`);
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(`Type ${id} to confirm`).fill(id);
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(/\/volumes$/);
    assert.equal((await client.get(`/api/v1/vfs/volumes/${id}`)).status, 404);
  });

  await t.step("lists are readable on narrow screens", async () => {
    await console.goto("/volumes");
    await page.getByRole("link", { name: "documents" }).waitFor();
    await console.assertAccessible();
    await listFits(console, "/volumes", ["Files", "Used", "Quota", "Version", "Changed"]);
    await listFits(console, path, ["Size", "Modified", "Action"]);
    await listFits(console, `${path}?tab=history`, ["Version", "Written", "Action"]);
  });

  await t.step("a volume is deleted once its name is typed", async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    await console.goto(path);
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    const dialog = page.getByRole("dialog");
    const button = dialog.getByRole("button", { name: "Delete" });
    assert.ok(await button.isDisabled());
    await dialog.getByLabel("Type documents to confirm").fill("documents");
    await button.click();
    await page.getByText("No volumes yet").waitFor();
    await page.setViewportSize({ width: 1280, height: 820 });
  });
}
