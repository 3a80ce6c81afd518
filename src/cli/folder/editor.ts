import { dirname, join } from "node:path";
import { ENTRY_CHECK_FILE, entryCheckText } from "../../builder/entry_check.ts";
import { readSdk } from "../../builder/sdk.ts";
import { MANIFEST_SCHEMA_NAME, readJsonSchema } from "../../shared/json_schemas.ts";

/** Directory of generated files; it is not part of the function. */
export const PRIVATE_DIR = ".invoked";
const TYPES = `${PRIVATE_DIR}/types`;
/** Where `invoked.json` names its schema. */
export const MANIFEST_SCHEMA = `./${TYPES}/${MANIFEST_SCHEMA_NAME}`;

/**
 * Writes the modules of the server into the folder, so that an editor knows their types, the module that asserts the type
 * of the default export, and the schema of `invoked.json`.
 */
export async function writeEditorTypes(folder: string): Promise<void> {
  const { files } = await readSdk();
  await Deno.mkdir(join(folder, TYPES), { recursive: true });
  const written = [
    ...files,
    [ENTRY_CHECK_FILE, entryCheckText("../../main.ts")],
    [MANIFEST_SCHEMA_NAME, await readJsonSchema(MANIFEST_SCHEMA_NAME)],
  ] as const;
  for (const [name, text] of written) await writeIfChanged(join(folder, TYPES, name), text);
}

/**
 * The `deno.json` that maps these modules for an editor and `deno check`. The server builds without it.
 */
export async function editorConfig(): Promise<string> {
  const { modules } = await readSdk();
  const imports = Object.entries(modules).map(([specifier, file]) => [
    specifier,
    `./${TYPES}/${file}`,
  ]);
  // `deno check` includes what asserts the type of the default export.
  const exclude = [PRIVATE_DIR, `!${TYPES}/${ENTRY_CHECK_FILE}`];
  const config = { imports: Object.fromEntries(imports), lock: false, exclude };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** An editor reads a written file again, even an unchanged file. */
async function writeIfChanged(path: string, text: string): Promise<void> {
  const now = await Deno.readTextFile(path).catch(() => undefined);
  if (now === text) return;
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}
