/** What tests do by keyboard alone. */
import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import type { Page } from "../support/console.ts";

/** More elements than any page has: what no so many presses lead to cannot be reached. */
const STOPS_MAX = 150;

/** Keys that are pressed before the page is asked again where the focus is. */
const KEYS_AT_ONCE = 8;

/** Presses a key until the element has the focus; fails where something keeps it. */
export async function focus(page: Page, target: Locator, key = "Tab"): Promise<void> {
  // To find an element by its role reads the whole page: once, and not at every stop.
  let element = await target.elementHandle();
  for (let stops = 0;; stops += KEYS_AT_ONCE) {
    const state = await element?.evaluate(stopAt);
    if (state === "focused") return;
    assert.ok(stops < STOPS_MAX, `No ${key} leads to ${target}`);
    if (state === "replaced") element = await target.elementHandle();
    else for (let keys = 0; keys < KEYS_AT_ONCE; keys++) await page.keyboard.press(key);
  }
}

/** In the page: says where the focus is, and lets no key take it from the element once the element has it. */
// deno-lint-ignore no-explicit-any -- an element and the window of the page
function stopAt(element: any, window: any = globalThis): "focused" | "replaced" | "other" {
  if (!("keysEndAt" in window)) {
    // deno-lint-ignore no-explicit-any -- an event of the page
    window.addEventListener("keydown", (event: any) => {
      if (!window.keysEndAt?.matches(":focus")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, { capture: true });
  }
  const state = !element.isConnected ? "replaced" : element.matches(":focus") ? "focused" : "other";
  window.keysEndAt = state === "other" ? element : undefined;
  return state;
}

/** Presses a key until the element has the focus, and then Enter. */
export async function press(page: Page, target: Locator, key = "Tab"): Promise<void> {
  await focus(page, target, key);
  await page.keyboard.press("Enter");
}
