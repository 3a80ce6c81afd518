/// <reference path="../../browser/vite.d.ts" />

/** What `invoked.json` of a template may declare. */
export interface Manifest {
  readonly name: string;
  readonly description: string;
  readonly allowlist?: readonly string[];
  readonly roles?: readonly string[];
  /** Name of the volume. */
  readonly volume?: string;
  /** By name, each with the settings of one kind of trigger. */
  readonly triggers?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface Template {
  readonly manifest: Manifest;
  /** Text by path, without the manifest. */
  readonly files: Readonly<Record<string, string>>;
}

const SOURCES = import.meta.glob<string>(
  ["../../../../examples/*/*.{ts,json}", "../../../../templates/*/*.{ts,json}"],
  { eager: true, query: "?raw", import: "default" },
);

/** The template that is chosen at first. */
const BLANK = "blank";

/** All templates, the blank one first; `invoked init --template` offers the same. */
export const TEMPLATES: readonly Template[] = readTemplates().toSorted((a, b) =>
  Number(b.manifest.name === BLANK) - Number(a.manifest.name === BLANK)
);

function readTemplates(): readonly Template[] {
  const folders = new Map<string, Record<string, string>>();
  for (const [path, text] of Object.entries(SOURCES)) {
    const [name = "", folder = ""] = path.split("/").reverse();
    folders.set(folder, { ...folders.get(folder), [name]: text });
  }
  return [...folders.values()].map(({ "invoked.json": manifest = "{}", ...files }) => ({
    manifest: JSON.parse(manifest) as Manifest,
    files,
  }));
}
