/** Installations to back up, and empty ones to restore into. */
import { join } from "node:path";
import { MASTER_KEY } from "../cluster/cluster.ts";
import { makeTempDir, removeDirectory, type Run, runInvoked } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { type ServerOptions, TestServer } from "../support/server.ts";

/** The slots of a node of a cluster without workers. */
const CAPACITY = ["--capacity", "4"];

/** An installation, or what is empty for one. */
export interface Installation {
  /** The flags of commands on its data, and of its server. */
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly dataDir: string;
  start(options?: ServerOptions): Promise<TestServer>;
}

/** Runs a command on the data of an installation. */
export async function onData(
  { flags, env }: Installation,
  command: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Run> {
  return await runInvoked([...command, ...flags], { env: { ...env, ...more } });
}

/**
 * Installations with one master key, by what they store data in: the first is for a server, and the others are empty, for
 * restores. `opened` closes them.
 */
export async function openInstallations(
  opened: AsyncDisposableStack,
): Promise<readonly (readonly [kind: string, installation: Installation])[]> {
  const { path } = opened.use(await makeTempDir());
  const postgres = opened.use(await TestPostgres.start());
  const nats = opened.use(await TestNats.start());
  const database = async () => ["--database", await postgres.database()];
  const kinds = [
    ["SQLite", []],
    ["PostgreSQL and an object store", [...await database(), ...nats.address.flags]],
    ["PostgreSQL", await database()],
    ["SQLite again", []],
  ] as const;
  return kinds.map(([kind, storage], at) => {
    const dataDir = join(path, `data-${at}`);
    const flags = ["--data", dataDir, ...storage];
    const more = kind.includes("object store") ? CAPACITY : [];
    const start = starter(opened, dataDir, flags, more, MASTER_KEY);
    return [kind, { flags, env: MASTER_KEY, dataDir, start }] as const;
  });
}

function starter(
  opened: AsyncDisposableStack,
  dataDir: string,
  flags: readonly string[],
  more: readonly string[],
  env: Readonly<Record<string, string>>,
): Installation["start"] {
  return async (options = {}) => {
    opened.defer(() => removeDirectory(dataDir).catch(() => {}));
    return opened.use(
      await TestServer.start({
        ...options,
        dataDir,
        flags: [...flags, ...more, ...options.flags ?? []],
        env: { ...env, ...options.env },
      }),
    );
  };
}
