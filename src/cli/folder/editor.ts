import { dirname, join } from "node:path";
import { readSdk } from "../../builder/sdk.ts";

/** Directory of generated files; it is not part of the function. */
export const PRIVATE_DIR = ".invoked";
const TYPES = `${PRIVATE_DIR}/types`;

/** Writes the modules of the server into the folder, so that an editor knows their types. */
export async function writeEditorTypes(folder: string): Promise<void> {
  const { files } = await readSdk();
  await Deno.mkdir(join(folder, TYPES), { recursive: true });
  for (const [name, text] of files) await writeIfChanged(join(folder, TYPES, name), text);
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
  const config = { imports: Object.fromEntries(imports), lock: false, exclude: [PRIVATE_DIR] };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** An editor reads a written file again, even an unchanged one. */
async function writeIfChanged(path: string, text: string): Promise<void> {
  const now = await Deno.readTextFile(path).catch(() => undefined);
  if (now === text) return;
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}
