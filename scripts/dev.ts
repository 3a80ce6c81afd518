/**
 * `npm run dev` runs a server, and restarts the server when a source of the server or the console changes. Arguments are
 * flags of `invoked serve`. Each start builds a changed console, so reloading the page shows the change.
 */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const WATCHED = ["src", "sdk", "console", "templates", "examples", "package-lock.json"];
/** What a start writes: builds of the console, finished and in progress, what Vite writes beside them, and the types of the API. */
const BUILT = /^(?:console\/(?:dist|vite\.config\.ts\.timestamp-)|src\/resources\/schema\.d\.ts)/;
/** A save is several events, and a checkout saves many files. */
const SETTLE_MS = 200;
/** How long a restart lets running invocations finish. */
const DRAIN_MS = 2_000;

let server: Deno.ChildProcess | undefined;
let isStopping = false;

function start(): void {
  const started = new Deno.Command(join(ROOT, "bin/invoked"), {
    args: ["serve", ...Deno.args],
    stdin: "null",
  }).spawn();
  server = started;
  new Deno.Command(join(ROOT, "scripts/schema"), { stdin: "null" }).spawn();
  started.status.then(({ code }) => {
    if (server !== started) return;
    server = undefined;
    if (isStopping) Deno.exit(code);
    say(`the server ended with code ${code}; the next change starts it again`);
  });
}

/** Stops the server; a second signal ends its invocations. */
async function stop(): Promise<void> {
  const stopped = server;
  server = undefined;
  if (stopped === undefined) return;
  stopped.kill("SIGTERM");
  const timer = setTimeout(() => stopped.kill("SIGTERM"), DRAIN_MS);
  await stopped.status;
  clearTimeout(timer);
}

async function restart(changed: string): Promise<void> {
  if (isStopping) return;
  say(`${changed} changed; the server starts again`);
  await stop();
  if (!isStopping) start();
}

function say(text: string): void {
  console.error(`dev: ${text}`);
}

function end(signal?: Deno.Signal): void {
  isStopping = true;
  if (server === undefined) Deno.exit(0);
  if (signal !== undefined) server.kill(signal);
}

// A terminal sends Ctrl-C to the server, too: a second signal would end its invocations at once.
Deno.addSignalListener("SIGINT", () => end());
Deno.addSignalListener("SIGTERM", () => end("SIGTERM"));

const watcher = Deno.watchFs(WATCHED.map((path) => join(ROOT, path)));
start();
let timer: ReturnType<typeof setTimeout> | undefined;
let restarted = Promise.resolve();
for await (const { kind, paths } of watcher) {
  const changed = paths.map((path) => relative(ROOT, path)).find((path) => !BUILT.test(path));
  if (kind === "access" || changed === undefined) continue;
  clearTimeout(timer);
  timer = setTimeout(() => restarted = restarted.then(() => restart(changed)), SETTLE_MS);
}
