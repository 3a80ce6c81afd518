/**
 * What images contain, from programs of this machine: no container engine with a registry runs here. Each is a root file
 * system that containers mount read-only.
 */
import { dirname, join } from "node:path";
import { exists } from "../../src/shared/files.ts";
import { copy } from "../support/invoked.ts";
import { builtRelease } from "../support/release.ts";
import { pathOf } from "../support/diagnosis.ts";
import { ROOT } from "../support/repository.ts";

/** A file or directory of this machine in a container. */
export interface Mount {
  readonly source: string;
  readonly path: string;
  readonly isWritable: boolean;
}

/** What a container begins with. */
export interface Image {
  /** Read-only. */
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  /** Numeric user and group; root where the image names nobody. */
  readonly user: string;
  /** Owner of a directory that the image declares as a volume. */
  readonly volumes: Readonly<Record<string, number>>;
}

const USERS = [
  "root:x:0:0:root:/root:/bin/sh",
  "postgres:x:999:999::/var/lib/postgresql:/bin/sh",
  "haproxy:x:99:99::/var/lib/haproxy:/bin/sh",
];

/** The steps of the entrypoint of the image `postgres` that the manifests depend on. */
const POSTGRES_ENTRYPOINT = `#!/bin/sh
set -eu
mkdir -p "$PGDATA" && chmod 0700 "$PGDATA"
if [ "$(id -u)" = 0 ]; then
  chown -R postgres: "$PGDATA" && chown postgres: /var/run/postgresql
  exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  POSTGRES_PASSWORD=\${POSTGRES_PASSWORD:-$(cat "\${POSTGRES_PASSWORD_FILE:-}")}
  file=$(mktemp)
  echo "$POSTGRES_PASSWORD" >"$file"
  initdb --username="$POSTGRES_USER" --pwfile="$file" --auth-local=trust --auth-host=scram-sha-256 \\
    \${POSTGRES_INITDB_ARGS:-}
  rm "$file"
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
  pg_ctl -w -o "-c listen_addresses=''" start
  createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl -w stop
fi
exec "$@"
`;

/** The images of a test, in a directory of the test. */
export class Images {
  private constructor(
    private readonly system: readonly Mount[],
    private readonly env: Readonly<Record<string, string>>,
    private readonly invoked: string,
    private readonly deno: string,
  ) {}

  /** @param directory which the test removes */
  static async prepare(directory: string): Promise<Images> {
    const etc = join(directory, "etc");
    const tools = join(directory, "tools");
    await Deno.mkdir(etc);
    await Deno.mkdir(tools);
    await Deno.writeTextFile(join(etc, "passwd"), `${USERS.join("\n")}\n`);
    const groups = USERS.map((line) => `${line.split(":")[0]}:x:${line.split(":")[3]}:`);
    await Deno.writeTextFile(join(etc, "group"), `${groups.join("\n")}\n`);
    await Deno.writeTextFile(join(etc, "nsswitch.conf"), "hosts: files\n");
    await Deno.writeTextFile(join(tools, "docker-entrypoint.sh"), POSTGRES_ENTRYPOINT, {
      mode: 0o755,
    });
    const postgres = dirname(await pathOf("postgres") ?? "");
    const invoked = join(directory, "invoked");
    await copy((await builtRelease()).tree, invoked);
    // The runtime is mounted on it.
    await Deno.writeTextFile(join(invoked, "bin/deno"), "");
    const readOnly = (source: string, path = source) => ({ source, path, isWritable: false });
    const libraries = (await exists("/etc/ld.so.cache"))
      ? [readOnly("/etc/ld.so.cache"), readOnly("/etc/ssl")]
      : [];
    return new Images(
      [
        // Not /usr/local, where images have files of their own.
        ...["bin", "lib", "lib64", "libexec", "sbin", "share"].map((name) =>
          readOnly(`/usr/${name}`)
        ),
        readOnly(tools, "/opt/tools"),
        ...["passwd", "group", "nsswitch.conf"].map((name) =>
          readOnly(join(etc, name), `/etc/${name}`)
        ),
        ...libraries,
      ],
      { PATH: `/opt/invoked/bin:/opt/tools:${postgres}:/usr/sbin:/usr/bin` },
      invoked,
      await Deno.realPath(Deno.execPath()),
    );
  }

  /** The image of this name. @throws for another image */
  async find(name: string): Promise<Image> {
    const { env, system: mounts } = this;
    const plain = { mounts, env, user: "0:0", volumes: {} };
    if (/\binvoked:/.test(name)) {
      const { env: own, user, volume } = await readDockerfile();
      const readOnly = (source: string, path: string) => ({ source, path, isWritable: false });
      return {
        mounts: [
          ...mounts,
          readOnly(this.invoked, "/opt/invoked"),
          readOnly(this.deno, "/opt/invoked/bin/deno"),
        ],
        env: { ...own, ...env },
        // The image has tini before it.
        entrypoint: ["invoked"],
        user,
        volumes: { [volume]: Number(user.split(":")[0]) },
      };
    }
    if (/^nats:/.test(name)) return { ...plain, entrypoint: ["nats-server"] };
    if (/^postgres:/.test(name)) {
      return {
        ...plain,
        env: { ...env, PGDATA: "/var/lib/postgresql/data" },
        entrypoint: ["docker-entrypoint.sh"],
        volumes: { "/var/lib/postgresql/data": 999 },
      };
    }
    if (/^haproxy:/.test(name)) {
      const config = "/usr/local/etc/haproxy/haproxy.cfg";
      return { ...plain, user: "99:99", entrypoint: ["haproxy", "-W", "-db", "-f", config] };
    }
    throw new Error(`Image ${name} is not known here`);
  }
}

/** The variables, the user and the volume of the image of this project. */
async function readDockerfile() {
  const text = await Deno.readTextFile(new URL("deploy/Dockerfile", ROOT));
  const [, variables = ""] = /^ENV ((?:.*\\\n)*.*)$/m.exec(text) ?? [];
  const env = Object.fromEntries(
    [...variables.matchAll(/([A-Z_]+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value]),
  );
  const [, user = ""] = /^USER (\S+)$/m.exec(text) ?? [];
  const [, volume = ""] = /^VOLUME (\S+)$/m.exec(text) ?? [];
  if (user === "" || volume === "" || env["HOME"] === undefined) {
    throw new Error("deploy/Dockerfile has no ENV, USER or VOLUME in the form that is read here");
  }
  return { env, user, volume };
}
