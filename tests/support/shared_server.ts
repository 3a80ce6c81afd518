/**
 * One server with the default settings for the test files of a run that need no other. Its functions, clients and volumes
 * are those of all these files.
 */
import { join } from "node:path";
import { shareDownloads } from "./downloads.ts";
import { eventually } from "./eventually.ts";
import { filledOnce, PROCESS_SUFFIX } from "./once.ts";
import {
  makeDataDir,
  READY,
  serveCommand,
  Served,
  SERVER_ENV,
  startOnce,
  urlIn,
} from "./server.ts";

const NAME = "server";
/** Each run of the command line asks for a token. */
const FLAGS = ["--token-rate", "0"];
/** How long it may take to become ready on a busy machine. */
const PATIENCE_MS = 120_000;

/** Runs the program in the background: it must outlive the test file that starts it. */
const IN_BACKGROUND = `out=$1 log=$2 pid=$3; shift 3
"$@" >"$out" 2>"$log" </dev/null & echo $! >"$pid"`;

/** The server, which the first caller of the run starts. It ends with the run. */
export async function sharedServer(): Promise<Served> {
  const directory = await filledOnce(NAME, start);
  const { pid, dataDir, url } = JSON.parse(await Deno.readTextFile(join(directory, "served.json")));
  return new Served(pid, dataDir, url);
}

async function start(directory: string): Promise<void> {
  const dataDir = await makeDataDir();
  await shareDownloads(dataDir, startOnce);
  const [out, log] = [join(directory, "out"), join(directory, "log")];
  const pidFile = `${directory}${PROCESS_SUFFIX}`;
  await new Deno.Command("sh", {
    args: ["-c", IN_BACKGROUND, "sh", out, log, pidFile, ...serveCommand(dataDir), ...FLAGS],
    clearEnv: true,
    env: SERVER_ENV,
  }).output();
  const pid = Number(await Deno.readTextFile(pidFile));
  const url = await eventually(
    async () => {
      const text = await Deno.readTextFile(out);
      return READY.test(text) ? urlIn(text) : undefined;
    },
    `a server with the log ${log}`,
    PATIENCE_MS,
  );
  await Deno.writeTextFile(join(directory, "served.json"), JSON.stringify({ pid, dataDir, url }));
}
