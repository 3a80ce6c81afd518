/** Canaries: what no hostile function may reach, read, change or kill. Each reports an access. */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { join } from "node:path";
import { makeTempDir } from "../support/invoked.ts";
import { isGone } from "../support/processes.ts";

/** A unique text that names its canary. */
function token(of: string): string {
  return `CANARY-${of}-${crypto.randomUUID()}`;
}

/** Texts by canary. */
function makeTokens() {
  return {
    file: token("FILE"),
    environment: token("ENVIRONMENT"),
    process: token("PROCESS"),
    secret: token("SECRET"),
    answer: token("ANSWER"),
  };
}

export interface Canaries extends AsyncDisposable {
  readonly tokens: ReturnType<typeof makeTokens>;
  /** A file that every user can read and write, including the user of instances. */
  readonly file: string;
  /** A process with a canary in its environment. */
  readonly pid: number;
  /** TCP on 127.0.0.1; it answers HTTP with a canary. */
  readonly port: number;
  readonly udpPort: number;
  readonly unix: string;
  /** Name of a unix socket in the abstract namespace, without its leading zero. */
  readonly abstract: string;
  /** Describes accesses to the canaries since the previous description. */
  look(): Promise<string[]>;
}

export async function openCanaries(): Promise<Canaries> {
  await using opened = new AsyncDisposableStack();
  const tokens = makeTokens();
  const directory = opened.use(await makeTempDir());
  await Deno.chmod(directory.path, 0o755);
  const file = join(directory.path, "canary.txt");
  await Deno.writeTextFile(file, tokens.file);
  await Deno.chmod(file, 0o666);
  const sleeper = new Deno.Command("sleep", {
    args: ["86400"],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", CANARY: tokens.process },
  }).spawn();
  opened.defer(async () => {
    if (!isGone(sleeper.pid)) sleeper.kill("SIGKILL");
    await sleeper.status;
  });
  let seen: string[] = [];
  const listen = async (options: { port?: number; host?: string; path?: string }, name: string) => {
    const server = createServer((socket) => {
      seen.push(`${name} was connected to`);
      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk) => {
        seen.push(`${name} received ${JSON.stringify(String(chunk).slice(0, 100))}`);
        const { answer } = tokens;
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(options, resolve));
    opened.defer(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    return server;
  };
  const tcp = await listen({ port: 0, host: "127.0.0.1" }, "the TCP canary");
  const unix = join(directory.path, "canary.sock");
  await listen({ path: unix }, "the unix canary");
  await Deno.chmod(unix, 0o777);
  const abstract = `canary-${crypto.randomUUID()}`;
  await listen({ path: `\0${abstract}` }, "the abstract canary");
  const udp = createSocket("udp4").on(
    "message",
    () => seen.push("the UDP canary received a datagram"),
  );
  await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
  opened.defer(() => new Promise<void>((resolve) => void udp.close(() => resolve())));
  const address = tcp.address();
  if (address === null || typeof address === "string") throw new Error("The canary has no port");
  const all = opened.move();
  return {
    tokens,
    file,
    pid: sleeper.pid,
    port: address.port,
    udpPort: udp.address().port,
    unix,
    abstract,
    async look() {
      const events = seen;
      seen = [];
      if (isGone(sleeper.pid)) events.push("the canary process is gone");
      if (await Deno.readTextFile(file).catch(() => "") !== tokens.file) {
        events.push("the canary file was changed");
      }
      return events;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
