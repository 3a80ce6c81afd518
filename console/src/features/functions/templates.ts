/// <reference path="../../browser/vite.d.ts" />

/** The templates of this build; `invoked init --template` offers the same. */
import { type Template, templatesOf } from "./create.ts";

export const TEMPLATES: readonly Template[] = templatesOf(
  import.meta.glob<string>(
    [
      "../../../../examples/*/*.{ts,json}",
      "../../../../templates/*/*.{ts,json}",
      // It has no manifest, so its files would only be weight.
      "!../../../../examples/tenant/*",
    ],
    { eager: true, query: "?raw", import: "default" },
  ),
);
