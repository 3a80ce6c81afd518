import { dirname, join } from "node:path";
import { readSdk } from "../../builder/sdk.ts";

/** Where the folder keeps what can be made again; it is not part of the function. */
export const PRIVATE_DIR = ".invoked";
const TYPES = `${PRIVATE_DIR}/types`;

/** Writes the modules that the server provides into the folder, so that an editor knows their types. */
export async function writeEditorTypes(folder: string): Promise<void> {
  const { files } = await readSdk();
  await Deno.mkdir(join(folder, TYPES), { recursive: true });
  for (const [name, text] of files) await writeIfOther(join(folder, TYPES, name), text);
}

/**
 * The `deno.json` that leads an editor and `deno check` to these modules. The server builds without it. The
 * compiler options are those with which the server checks types.
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

/** An editor reads a file again when it is written, even where nothing changed. */
async function writeIfOther(path: string, text: string): Promise<void> {
  const now = await Deno.readTextFile(path).catch(() => undefined);
  if (now === text) return;
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}
