/** Steps of what the editor knows of the code: completion, hover, signatures, definitions and types of packages. */
import assert from "node:assert/strict";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import { eventually } from "../support/eventually.ts";
import { append, edits, shown } from "./editor.ts";
import { inTurn, type Journey } from "./stage.ts";

interface Flow {
  readonly console: ConsoleBrowser;
  readonly page: Page;
  readonly id: string;
}

const GREETING = `/** Greets somebody. */
export function greet(name: string, isLoud = false): string {
  return isLoud ? name.toUpperCase() : name;
}
`;
const MAIN = `import * as uuid from "npm:uuid@14.0.3";
import { greet } from "./lib/greeting.ts";

interface Input {
  /** Whom to greet. */
  recipient: string;
  mood?: "glad" | "calm";
}

export default function main({ recipient, mood }: Input) {
  if (uuid.validate(recipient)) return { message: "Hello, whoever you are!" };
  return { message: greet(recipient), mood };
}
`;
/** Longer than a screen, so that a definition far down has to be scrolled to. */
const PADDING = "// padding\n".repeat(80);

/** How long the pointer first stays where it is: the editor waits a moment before it shows what the pointer is over. */
const HOVER_MS = 2_000;

const suggestions = (page: Page) => page.locator(".suggest-widget.visible .monaco-list-row");

/** Puts the cursor behind the text, or within it, in the file that the editor shows. */
async function putCursor(page: Page, text: string, back = 0): Promise<void> {
  await page.locator(".function-editor .monaco-editor .view-lines").click();
  await page.keyboard.press("Control+F");
  const find = page.locator(".find-widget.visible");
  await find.getByRole("textbox", { name: "Find" }).fill(text);
  await find.getByText("1 of 1").waitFor();
  await page.keyboard.press("Escape");
  await find.waitFor({ state: "detached" });
  await page.keyboard.press("ArrowRight");
  for (let step = 0; step < back; step++) await page.keyboard.press("ArrowLeft");
}

/** Members of an own type, and of a package. */
async function completes({ page, console }: Flow): Promise<void> {
  await append(page, "\nconst input = {} as Input;\ninput.");
  await page.keyboard.type("m");
  await suggestions(page).filter({ hasText: "mood" }).waitFor();
  await console.screenshot("editor_completion");
  await page.keyboard.press("Enter");
  await shown(page, "input.mood");
  await append(page, ";\nuuid.str");
  await page.keyboard.type("i");
  await suggestions(page).filter({ hasText: "stringify" }).waitFor();
  await page.keyboard.press("Escape");
  await suggestions(page).first().waitFor({ state: "detached" });
}

/** The type under the pointer or the cursor, and the parameters of a JavaScript call as it is typed. */
async function explains({ page, console }: Flow): Promise<void> {
  await putCursor(page, "message: greet");
  const hover = page.locator(".monaco-hover:not(.hidden)");
  // A pointer that was there before the service has read the files shows nothing.
  let stayMs = HOVER_MS;
  await eventually(async () => {
    // The editor moves its lines when problems are found.
    const cursor = await page.locator(".function-editor .cursors-layer .cursor").boundingBox();
    assert.ok(cursor !== null);
    await page.mouse.move(cursor.x - 40, cursor.y - 60);
    await page.mouse.move(cursor.x - 12, cursor.y + 8, { steps: 5 });
    const isShown = hover.getByText("Greets somebody.").waitFor({ timeout: stayMs });
    // The next move ends the request for what this one is over, which takes longer on a busy machine.
    stayMs *= 2;
    return await isShown.then(() => true, () => undefined);
  }, "what the pointer is over");
  await page.mouse.move(0, 0);
  await hover.waitFor({ state: "detached" });
  await append(page, "\ngreet");
  await page.keyboard.type("(");
  const hints = page.locator(".parameter-hints-widget.visible");
  await hints.getByText("isLoud").waitFor();
  await console.screenshot("editor_signature");
  await page.keyboard.press("Escape");
}

/** F12 opens the file that declares the symbol, and Back leads to where it was pressed. */
async function goesToDefinition({ page, console, id }: Flow): Promise<void> {
  await console.goto(`/functions/${id}`);
  await shown(page, "recipient");
  await putCursor(page, "message: greet", 1);
  await page.keyboard.press("F12");
  await page.waitForURL(/file=lib%2Fgreeting\.ts&line=82&column=17/);
  await edits(page, "lib/greeting.ts");
  await shown(page, "export function greet");
  await page.locator(".function-editor .active-line-number", { hasText: "82" }).waitFor();
  await page.goBack();
  await edits(page, "main.ts");
  await page.locator(".function-editor .active-line-number", { hasText: "12" }).waitFor();
  // A declaration of a package opens as a peek, and cannot be written.
  await putCursor(page, "uuid.validate", 1);
  await page.keyboard.press("F12");
  const peek = page.locator(".peekview-widget");
  const declaration = peek.locator(".view-line", { hasText: "declare function validate" });
  await declaration.waitFor();
  await console.screenshot("editor_peek");
  // The peek draws its lines again while it finds its size: for a moment a line is not visible.
  await eventually(
    () => declaration.click({ force: true }).then(() => true, () => undefined),
    "a click on the declaration",
  );
  await page.keyboard.type("x");
  await page.getByRole("paragraph").getByText("is read-only").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await peek.waitFor({ state: "detached" });
  assert.equal(await page.getByText(/not saved/).count(), 0);
}

/** The Run panel completes by the type of the input. */
async function completesInput({ page, console }: Flow): Promise<void> {
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const panel = page.locator(".function-run");
  await panel.getByText("Completions follow the input type of main.ts").waitFor();
  await panel.locator(".view-lines").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type(`{"`);
  await suggestions(page).filter({ hasText: "recipient" }).waitFor();
  await page.keyboard.type("moo");
  await suggestions(page).filter({ hasText: "mood" }).waitFor();
  await console.screenshot("run_completion");
  await page.keyboard.press("Enter");
  await panel.locator(".view-line", { hasText: `"mood": ` }).waitFor();
  await page.keyboard.press("Control+Space");
  await suggestions(page).filter({ hasText: "glad" }).waitFor();
  await page.keyboard.press("Escape");
  await suggestions(page).first().waitFor({ state: "detached" });
  await panel.getByRole("button", { name: "Close" }).click();
}

/** The types of a package are there as it is typed; one that the registry does not have is named at its line. */
async function knowsTypedPackage({ page, console }: Flow): Promise<void> {
  await append(page, `\n);\nimport * as jsonc from "npm:jsonc-parser@3.3.1";\njsonc.unknown;\n`);
  const problems = page.getByRole("region", { name: "Problems" });
  // Without types the package is any, and no member is unknown.
  await problems.getByText("Property 'unknown' does not exist").waitFor();
  await page.keyboard.insertText("jsonc.appl");
  await page.keyboard.type("y");
  await suggestions(page).filter({ hasText: "applyEdits" }).waitFor();
  await page.keyboard.press("Escape");
  const statement = 'import "npm:invoked-test-no-such-package";';
  await append(page, `;\n${statement}\n`);
  // The editor may have closed the call before, or indents what follows it. The panel of problems may cover the line later.
  const line = page.locator(".function-editor .view-line", { hasText: statement });
  const column = (await line.innerText()).indexOf('"') + 1;
  const problem = problems.getByRole("listitem")
    .filter({ hasText: "'invoked-test-no-such-package' does not exist" });
  await problem.waitFor();
  await problem.getByRole("button", { name: new RegExp(`^main\\.ts:\\d\\d:${column}$`) }).waitFor();
  await console.screenshot("editor_packages");
}

/** On a function of their own, whose editor opens once: each step goes on where the one before it ended. */
export async function languageOfEditor(
  t: Deno.TestContext,
  { console, client }: Journey,
): Promise<void> {
  const id = await client.deploy(MAIN, { "lib/greeting.ts": PADDING + GREETING });
  const flow: Flow = { console, page: console.page, id };
  await inTurn(t, [
    ["go to definition opens another file", () => goesToDefinition(flow)],
    ["the input of a run is completed by its type", () => completesInput(flow)],
    ["members are completed", () => completes(flow)],
    ["hover and signature help explain a call", () => explains(flow)],
    ["a package has types before it is saved", () => knowsTypedPackage(flow)],
  ]);
}
