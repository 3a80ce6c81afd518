import { type JSONObject, vfs } from "@c1/functions-sdk";
import { countWords } from "./words.ts";

/** Counts the words of each text file in the folder `inbox`, and writes the counts to `words.json`. */
export default async function main(): Promise<JSONObject> {
  await vfs.mkdir("/inbox", { recursive: true });
  const counts: Record<string, number> = {};
  for await (const { name, isFile } of vfs.readDir("/inbox")) {
    if (isFile && name.endsWith(".txt")) {
      counts[name] = countWords(await vfs.readTextFile(`/inbox/${name}`));
    }
  }
  await vfs.writeTextFile("/words.json", JSON.stringify(counts, null, 2));
  return { files: Object.keys(counts).length, counts };
}
