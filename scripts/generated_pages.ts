/** Writes the generated files. */
import { GENERATED_FILES } from "./generated_files.ts";

for (const [path, render] of Object.entries(GENERATED_FILES)) {
  const file = new URL(`../${path}`, import.meta.url);
  const now = await Deno.readTextFile(file).catch(() => "");
  await Deno.writeTextFile(file, await render(now));
}
