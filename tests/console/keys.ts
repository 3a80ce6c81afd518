/** What tests do by keyboard alone. */
import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import type { Page } from "../support/console.ts";

/** More elements than any page has: what no so many presses lead to cannot be reached. */
const STOPS_MAX = 150;

/** Presses a key until the element has the focus; fails where something keeps it. */
export async function focus(page: Page, target: Locator, key = "Tab"): Promise<void> {
  // To find an element by its role reads the whole page: once, and not at every stop.
  let element = await target.elementHandle();
  for (let stops = 0; stops < STOPS_MAX; stops++) {
    const state = await element?.evaluate(stateOf);
    if (state === "focused") return;
    if (state === "replaced") element = await target.elementHandle();
    else await page.keyboard.press(key);
  }
  assert.fail(`No ${key} leads to ${target}`);
}

// deno-lint-ignore no-explicit-any -- an element of the page
function stateOf(element: any): "focused" | "replaced" | "other" {
  if (!element.isConnected) return "replaced";
  return element.matches(":focus") ? "focused" : "other";
}

/** Presses a key until the element has the focus, and then Enter. */
export async function press(page: Page, target: Locator, key = "Tab"): Promise<void> {
  await focus(page, target, key);
  await page.keyboard.press("Enter");
}
