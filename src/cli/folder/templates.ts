/**
 * What a new function begins with: the folders of `examples/` and `templates/` with a manifest, which the console offers as
 * well (console/src/features/functions/templates.ts).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { editorConfig, MANIFEST_SCHEMA, PRIVATE_DIR } from "./editor.ts";
import { MANIFEST_NAME } from "./manifest.ts";
import { installed } from "../../shared/installation.ts";
import { slugOf } from "../../shared/slugs.ts";

const FOLDERS = [installed("examples"), installed("templates")];
/** Files of a template that belong to its function; its page does not. */
const BELONGS = /\.(?:ts|json)$/;

/** The template of a folder for which none is named. */
export const DEFAULT_TEMPLATE = "hello";

export interface Template {
  readonly name: string;
  readonly description: string;
  /** Absolute path of its folder. */
  readonly folder: string;
}

/** The part of a template's `invoked.json` that a new function changes. */
interface Manifest {
  readonly name: string;
  readonly description: string;
  readonly triggers?: Readonly<Record<string, { readonly http?: object }>>;
}

/** All templates by name. */
export function readTemplates(): readonly Template[] {
  return FOLDERS.flatMap((folder) =>
    [...Deno.readDirSync(folder)].filter(({ name }) => isTemplate(join(folder, name))).map(
      ({ name }) => {
        const { description } = manifestIn(join(folder, name));
        return { name, description, folder: join(folder, name) };
      },
    )
  ).toSorted((a, b) => a.name < b.name ? -1 : 1);
}

/** The files of a new function with this name, made of a template: text by path. */
export async function newFiles(
  { folder }: Template,
  name: string,
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    BELONGS.test(name)
  );
  for (const file of names.toSorted()) {
    if (file !== MANIFEST_NAME) files.set(file, await Deno.readTextFile(join(folder, file)));
  }
  const manifest = renamed(manifestIn(folder), name);
  return new Map([
    ...files,
    [MANIFEST_NAME, `${JSON.stringify(manifest, null, 2)}\n`],
    ["deno.json", await editorConfig()],
    [".gitignore", `${PRIVATE_DIR}/\n`],
  ]);
}

function isTemplate(folder: string): boolean {
  return existsSync(join(folder, MANIFEST_NAME));
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(Deno.readTextFileSync(join(folder, MANIFEST_NAME)));
}

/** The manifest for a function with this name, whose endpoints have it as their slug. */
function renamed({ triggers, ...others }: Manifest, name: string): Manifest {
  const manifest = { $schema: MANIFEST_SCHEMA, ...others, name };
  if (triggers === undefined) return manifest;
  const slug = slugOf(name);
  const own = Object.entries(triggers).map(([trigger, { http, ...settings }]) => [
    trigger,
    http === undefined || slug === ""
      ? { ...settings, ...http && { http } }
      : { ...settings, http: { ...http, slug } },
  ]);
  return { ...manifest, triggers: Object.fromEntries(own) };
}
