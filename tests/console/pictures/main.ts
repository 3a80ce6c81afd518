/** `deno task pictures`: pictures of every page of the console in both themes, for the documentation. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConsoleBrowser, type Page } from "../../support/console.ts";
import { makeTempDir } from "../../support/invoked.ts";
import { ROOT } from "../../support/repository.ts";
import { type Picture, PICTURES } from "./pages.ts";
import { startSample } from "./sample.ts";

const FOLDER = new URL("docs/images/console/", ROOT).pathname;
const THEMES = ["light", "dark"] as const;
const REST_TIMEOUT_MS = 5_000;
/** Of WebP; text stays sharp, and a picture stays below 60 KiB. */
const QUALITY = 80;

async function take(page: Page, name: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate("new Promise((resolve) => requestIdleCallback(resolve))");
    const { data } = await session.send("Page.captureScreenshot", {
      format: "webp",
      quality: QUALITY,
    });
    await writeFile(join(FOLDER, `${name}_${colorScheme}.webp`), Uint8Array.fromBase64(data));
  }
  await session.detach();
}

async function show(console: ConsoleBrowser, picture: Picture, path: string): Promise<void> {
  const { page } = console;
  await console.load(path);
  await page.getByText(picture.shows).first().waitFor();
  await picture.prepare?.(page);
  // Some pages always read something.
  await page.waitForLoadState("networkidle", { timeout: REST_TIMEOUT_MS }).catch(() => {});
  await take(page, picture.name);
}

/** A page with every picture, each in the reader's theme. */
function renderGallery(): string {
  const pictures = PICTURES.map(({ name, caption }) =>
    `## ${caption}

<picture>
  <source media="(prefers-color-scheme: dark)" srcset="${name}_dark.webp">
  <img alt="${caption}" src="${name}_light.webp">
</picture>
`
  );
  const head = `# The pages of the console

[The console](../../console.md) describes these pages. \`deno task pictures\` makes the pictures.
`;
  return [head, ...pictures].join("\n");
}

await using directory = await makeTempDir();
await using sample = await startSample(directory.path);
await mkdir(FOLDER, { recursive: true });
await using console = await ConsoleBrowser.open(sample.server);
await writeFile(join(FOLDER, "README.md"), renderGallery());
for (const picture of PICTURES) {
  globalThis.console.log(picture.name);
  await show(console, picture, await picture.path(sample));
}
