/** Reads the list of the files of a backup in steps, because the list may be long. */
import { readAt } from "../../shared/files.ts";
import { LIST_FILE, type ListedFile, notABackup, parseLine } from "./manifest.ts";

/** Bytes of one line of a list, at most. */
export const LINE_BYTES_MAX = 160;
/** Bytes of a list that are read in one step. */
const STEP_BYTES = 64 * 1024;

/** The files of a list. @param backup names it in messages @throws BackupError */
export async function* filesOfList(path: string, backup: string): AsyncGenerator<ListedFile> {
  let before: ListedFile | undefined;
  for await (const line of linesOf(path, backup)) {
    const listed = parseLine(line, before?.path, backup);
    before = listed;
    yield listed;
  }
}

/** The lines of a list. @throws BackupError for a line that is longer than any of a backup */
async function* linesOf(path: string, backup: string): AsyncGenerator<string> {
  using file = await Deno.open(path);
  let rest = "";
  for (let at = 0;;) {
    const bytes = await readAt(file, at, STEP_BYTES);
    at += bytes.length;
    const lines = (rest + new TextDecoder("latin1").decode(bytes)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > LINE_BYTES_MAX) {
      throw notABackup(backup, `a line of ${LIST_FILE} is too long`);
    }
    if (bytes.length === 0) break;
  }
  if (rest !== "") throw notABackup(backup, `${LIST_FILE} ends within a line`);
}
