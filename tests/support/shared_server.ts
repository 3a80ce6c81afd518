/**
 * Servers that the test files of a run share: one with the default settings, and one for each of a few other settings.
 * The functions, clients and volumes of each are those of all the files that use it.
 */
import { dirname, join } from "node:path";
import { CA } from "../egress/certificates.ts";
import { startInBackground } from "./background.ts";
import { LOOPBACK } from "./loopback.ts";
import { shareDownloads } from "./downloads.ts";
import { eventually } from "./eventually.ts";
import { filledOnce, lock, PROCESS_SUFFIX } from "./once.ts";
import {
  fillDataDir,
  READY,
  READY_TIMEOUT_MS,
  serveCommand,
  Served,
  SERVER_ENV,
  startOnce,
  urlIn,
} from "./server.ts";

/** What each server needs beyond the defaults; a directory of its own is for its files. */
const SERVERS = {
  /** Each run of the command line asks for a token. */
  server: () => Promise.resolve(["--token-rate", "0", "--api-rate", "0"]),
  /** One test file after another: no other one changes anything meanwhile. */
  quiet: () => Promise.resolve(["--token-rate", "0", "--api-rate", "0"]),
  /** One test file after another, and one invocation after another. */
  single: () => Promise.resolve(["--max-running", "1", "--pool-size", "1"]),
  /** A server that made its keys itself, whose tokens and URLs no other accepts. */
  foreign: () => Promise.resolve([]),
  /** Limits that a test reaches with little, and that are enough for other functions; hosts of endpoints. */
  limited: () =>
    Promise.resolve([
      ...["--token-rate", "0", "--api-rate", "0"],
      ...["--max-input", "16KiB", "--max-log", "16KiB", "--max-volume-files", "50"],
      ...["--max-timeout", "5m", "--max-memory", "256MiB", "--retention", "30d"],
      ...["--max-invoke-depth", "2", "--max-invoke-fan-out", "5"],
      ...["--endpoint-domain", "localhost", "--endpoint-hosts", "own.example.test"],
      ...["--max-webhook", "1MiB", "--endpoint-rate", "0"],
    ]),
  /** Behind a proxy with TLS, and beside pages of other origins. */
  proxied: () =>
    Promise.resolve([
      ...["--token-rate", "0", "--api-rate", "0", "--trusted-proxies", "127.0.0.0/8"],
      ...["--cors-origin", "https://console.example, http://localhost:5173"],
      ...["--endpoint-body-limit", "2MiB", "--endpoint-timeout", "60s"],
      ...["--endpoint-domain", "localhost"],
    ]),
  /** Functions may reach hosts on loopback that have a certificate of the tests, and C1 tenants there. */
  egress: async (directory: string) => {
    const ca = join(directory, "ca.pem");
    await Deno.writeTextFile(ca, CA);
    return ["--egress-ca", ca, "--max-memory", "1GiB", ...LOOPBACK];
  },
} as const;
type Name = keyof typeof SERVERS;

/** The server of this name, which the first caller of the run starts. It ends with the run. */
export async function sharedServer(name: Name = "server"): Promise<Served> {
  const directory = await filledOnce(name, (directory) => start(name, directory));
  const { pid, dataDir, url } = JSON.parse(await Deno.readTextFile(join(directory, "served.json")));
  return new Served(pid, dataDir, url);
}

/** What the server with the default settings has logged, whose last line may be unfinished. */
export async function sharedLog(): Promise<string> {
  return await Deno.readTextFile(join(dirname((await sharedServer()).dataDir), "log"));
}

/**
 * Works with a server that no other test file uses meanwhile; it holds what earlier files have left. For tests that change
 * or expect what the whole server has, such as the number of functions or of owners. Tests of the audit log start a server
 * of their own: of many rejections of one address the log counts the later ones.
 */
export async function withQuietServer(
  work: (server: Served) => Promise<void>,
  name: "quiet" | "single" = "quiet",
): Promise<void> {
  using _ = await lock(name);
  await work(await sharedServer(name));
}

async function start(name: Name, directory: string): Promise<void> {
  // It goes with the run, which ends the server.
  const dataDir = join(directory, "data");
  if (name === "foreign") await shareDownloads(dataDir, startOnce);
  else await fillDataDir(dataDir);
  const [out, log] = [join(directory, "out"), join(directory, "log")];
  const flags = await SERVERS[name](directory);
  const pidFile = `${directory}${PROCESS_SUFFIX}`;
  // It must outlive the test file that starts it.
  const command = [...await serveCommand(dataDir), ...flags];
  const pid = await startInBackground(command, { out, log, pidFile }, SERVER_ENV);
  const url = await eventually(
    async () => {
      const text = await Deno.readTextFile(out);
      return READY.test(text) ? urlIn(text) : undefined;
    },
    `a server with the log ${log}`,
    READY_TIMEOUT_MS,
  );
  await Deno.writeTextFile(join(directory, "served.json"), JSON.stringify({ pid, dataDir, url }));
}
