/** Installations to back up, one of each kind, and empty ones to restore into. */
import { join } from "node:path";
import { MASTER_KEY, TestCluster } from "../cluster/cluster.ts";
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

/** A kind of installation. */
export interface InstallationKind {
  /** The first has a server that runs; each further one is empty, for a restore with the key of the first. */
  next(): Promise<Installation>;
}

/** Runs a command on the data of an installation. */
export async function onData(
  { flags, env }: Installation,
  command: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Run> {
  return await runInvoked([...command, ...flags], { env: { ...env, ...more } });
}

/** Opens a kind of installation; `opened` closes it. */
type OpenKind = (opened: AsyncDisposableStack) => Promise<InstallationKind>;

const sqlite: OpenKind = async (opened) => {
  const { path } = opened.use(await makeTempDir());
  return inDirectories(path, opened, () => Promise.resolve([]));
};

const postgres: OpenKind = async (opened) => {
  const { path } = opened.use(await makeTempDir());
  const database = opened.use(await TestPostgres.start());
  return inDirectories(path, opened, async () => ["--database", await database.database()]);
};

const cluster: OpenKind = async (opened) => {
  const { path } = opened.use(await makeTempDir());
  const first = opened.use(await TestCluster.start());
  const clusters = [first];
  let count = 0;
  return {
    async next() {
      const dataDir = join(path, `data-${++count}`);
      const nats = count === 1 ? first.nats : opened.use(await TestNats.start());
      const url = count === 1 ? first.database : await clusters[0]?.postgres.database() ?? "";
      const flags = ["--data", dataDir, "--database", url, ...nats.address.flags];
      return {
        flags,
        env: MASTER_KEY,
        dataDir,
        start: starter(opened, dataDir, flags, CAPACITY, MASTER_KEY),
      };
    },
  };
};

/** The first directory has the key; commands on the others name its file. */
function inDirectories(
  path: string,
  opened: AsyncDisposableStack,
  database: () => Promise<readonly string[]>,
): InstallationKind {
  let count = 0;
  return {
    async next() {
      const dataDir = join(path, `data-${++count}`);
      const key = count === 1 ? [] : ["--master-key-file", join(path, "data-1", "master.key")];
      const flags = ["--data", dataDir, ...await database(), ...key];
      return { flags, env: {}, dataDir, start: starter(opened, dataDir, flags) };
    },
  };
}

function starter(
  opened: AsyncDisposableStack,
  dataDir: string,
  flags: readonly string[],
  more: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
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

/** All kinds, by name. */
export const KINDS: Readonly<Record<string, OpenKind>> = {
  "SQLite": sqlite,
  "PostgreSQL": postgres,
  "PostgreSQL and an object store": cluster,
};
