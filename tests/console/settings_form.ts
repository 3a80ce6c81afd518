/** The form of a function's settings, as its tests use it. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import { ok } from "../support/expect.ts";

export interface Stage {
  readonly client: Client;
  readonly console: ConsoleBrowser;
  readonly page: Page;
  readonly id: string;
}

/** What is not saved, of all sections. */
export function bar(page: Page) {
  const region = page.getByRole("region", { name: "Unsaved changes" });
  const button = (name: RegExp) => region.getByRole("button", { name });
  return {
    region,
    save: () => button(/^Save/).click(),
    discard: () => button(/^Discard/).click(),
    /** Waits until nothing is left to save. */
    saved: async () => {
      const violations = page.locator(".function-settings-page").getByRole("alert");
      await Promise.race([
        region.waitFor({ state: "detached" }),
        violations.first().waitFor().catch(() => {}),
      ]);
      assert.deepEqual(await violations.allInnerTexts(), []);
    },
  };
}

/** A section of the settings by its title. */
export function section(page: Page, title: string) {
  const form = page.getByRole("form", { name: title, exact: true });
  const label = (name: string) => form.getByLabel(name, { exact: true });
  const { save, saved } = bar(page);
  return {
    form,
    label,
    fill: (name: string, value: string) => label(name).fill(value),
    choose: (name: string, option: string) => label(name).selectOption({ label: option }),
    save,
    saved,
    /** Waits for the violation of a field, and answers it. */
    violation: async (name: string) => {
      const control = label(name);
      await control.and(page.locator("[aria-invalid=true]")).waitFor();
      const ids = (await control.getAttribute("aria-describedby") ?? "").split(" ");
      return await form.locator(`[id="${ids.at(-1)}"]`).innerText();
    },
  };
}

export async function readFunction({ client, id }: Stage): Promise<Json> {
  return ok(await client.get(`/api/v1/functions/${id}`)).function;
}

export async function update({ client, id }: Stage, change: Json): Promise<void> {
  const updateMask = Object.keys(change).join(",");
  ok(await client.post("/api/v1/functions/update", { function: { id, ...change }, updateMask }));
}
