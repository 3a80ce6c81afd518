/// <reference path="../../browser/vite.d.ts" />

/** The templates of this build; `invoked init --template` offers the same. */
import { type Template, templatesOf } from "./create.ts";

export const TEMPLATES: readonly Template[] = templatesOf(
  import.meta.glob<string>(
    ["../../../../examples/*/*.{ts,json}", "../../../../templates/*/*.{ts,json}"],
    { eager: true, query: "?raw", import: "default" },
  ),
);
