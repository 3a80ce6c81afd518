/** Processes of a test run: each runs until it ends, hangs, or the run ends. */
import { fileURLToPath } from "node:url";
import { descendantsOf, signalUnlessEnded } from "../tests/support/processes.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** A process that takes longer hangs; the longest test file takes three minutes beside others on two cores. */
const HUNG_AFTER_MS = 600_000;
/** Lines of output that are printed of a process that ended without a report. */
const LAST_LINES = 50;

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Receives each line of both outputs. */
  readonly onLine?: (line: string) => void;
  readonly hungAfterMs?: number;
}

/** The processes that run, with what each has printed. */
const running = new Map<Deno.ChildProcess, { readonly args: readonly string[]; text: string }>();

/** Runs Deno in the project's root, and kills a process that hangs. */
export async function run(
  args: readonly string[],
  { env = {}, onLine = () => {}, hungAfterMs = HUNG_AFTER_MS }: RunOptions = {},
): Promise<{ readonly success: boolean; readonly text: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const state = { args, text: "" };
  running.set(child, state);
  const guard = setTimeout(() => {
    state.text += `\nkilled after ${hungAfterMs / 1000} s, because it hung\n`;
    killTree(child);
  }, hungAfterMs);
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      state.text += chunk;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(onLine);
    }
    if (rest !== "") onLine(rest);
  };
  await Promise.all([read(child.stdout), read(child.stderr)]);
  const { success } = await child.status;
  clearTimeout(guard);
  running.delete(child);
  return { success, text: state.text };
}

/** Kills all that runs, and prints what each process did last: whoever ended the run asks why it took so long. */
export function endRunning(): void {
  for (const [child, { args, text }] of running) {
    console.log(`RUNNING: deno ${args.join(" ")}\n${lastLines(text)}\n`);
    killTree(child);
  }
}

/** The last lines of an output. */
export function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-LAST_LINES).join("\n");
}

/** A server that a killed test has started would keep the outputs of the test open. */
function killTree(child: Deno.ChildProcess): void {
  for (const pid of [child.pid, ...descendantsOf(child.pid)]) signalUnlessEnded(pid, "SIGKILL");
}
