/** OpenStack Swift with its interface for S3, on free loopback ports; it stores objects in a temporary directory. */
import { randomUUID } from "node:crypto";
import { endianness, userInfo } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { S3Client } from "../../src/cluster/objects/s3/client.ts";
import { type S3Address, type S3Keys, Secret } from "../../src/config/mod.ts";
import { startInBackground } from "./background.ts";
import { eventually } from "./eventually.ts";
import { filledOnce, PROCESS_SUFFIX } from "./once.ts";

const ACCESS_KEY = "test:tester";
const SECRET_KEY = "testsecretkey";
const REGION = "test-region";
const BUCKET = "invoked-test";

/** The access key, as the environment of a process has it. */
export const S3_VARIABLES = {
  AWS_ACCESS_KEY_ID: ACCESS_KEY,
  AWS_SECRET_ACCESS_KEY: SECRET_KEY,
} as const;

export const S3_KEYS: S3Keys = {
  accessKeyId: new Secret(ACCESS_KEY),
  secretAccessKey: new Secret(SECRET_KEY),
};

const STORAGE_SERVERS = ["account", "container", "object"] as const;

/** What a proxy does, from the request to the servers that store. */
const PIPELINE =
  "catch_errors gatekeeper cache listing_formats bulk s3api tempauth copy slo dlo proxy-server";
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  catch_errors: [],
  gatekeeper: [],
  // Not there: nothing is cached.
  cache: ["use = egg:swift#memcache", "memcache_servers = 127.0.0.1:1"],
  listing_formats: [],
  bulk: [],
  s3api: [`location = ${REGION}`],
  tempauth: [`user_test_tester = ${SECRET_KEY} .admin`],
  copy: [],
  slo: [],
  dlo: [],
};

/** A bucket of a running Swift. */
class TestS3 {
  constructor(readonly port: number) {}

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A part of the bucket that no other test uses. @param port where a relay to Swift listens */
  address(port = this.port): S3Address {
    const endpoint = `http://127.0.0.1:${port}`;
    return { kind: "s3", bucket: BUCKET, prefix: `${randomUUID()}/`, endpoint, region: REGION };
  }
}

/** One Swift for all test files of a run, which the first caller starts. It ends with the run. */
export async function sharedS3(): Promise<TestS3> {
  const directory = await filledOnce("s3", start);
  return new TestS3(Number(await Deno.readTextFile(join(directory, "port"))));
}

async function start(directory: string): Promise<void> {
  await Deno.mkdir(join(directory, "devices", "disk"), { recursive: true });
  await Deno.writeTextFile(join(directory, "swift.conf"), SWIFT_CONFIG);
  for (const name of STORAGE_SERVERS) {
    const port = freePort();
    await Deno.writeFile(join(directory, `${name}.ring.gz`), ring(port));
    await writeConfig(directory, name, port, storageLines(name));
  }
  const port = freePort();
  await writeConfig(directory, "proxy", port, proxyLines());
  for (const name of [...STORAGE_SERVERS, "proxy"]) {
    const file = (ending: string) => join(directory, `${name}.${ending}`);
    const [out, log, pidFile] = [file("out"), file("log"), `${directory}-${name}${PROCESS_SUFFIX}`];
    const command = [`swift-${name}-server`, file("conf")];
    await startInBackground(command, { out, log, pidFile }, { PATH: "/usr/bin:/bin" });
  }
  const client = new S3Client(new TestS3(port).address(), S3_KEYS);
  // The storage servers may start later than the proxy.
  await eventually(
    () => client.request("", { method: "PUT" }).catch(() => undefined),
    `Swift with the logs in ${directory}`,
  );
  await Deno.writeTextFile(join(directory, "port"), `${port}`);
}

const SWIFT_CONFIG = `[swift-hash]
swift_hash_path_suffix = test
[storage-policy:0]
name = default
default = yes
`;

async function writeConfig(
  directory: string,
  name: string,
  port: number,
  lines: readonly string[],
): Promise<void> {
  const common = [
    "[DEFAULT]",
    "bind_ip = 127.0.0.1",
    `bind_port = ${port}`,
    `swift_dir = ${directory}`,
    `devices = ${join(directory, "devices")}`,
    "mount_check = false",
    "workers = 0",
    `user = ${userInfo().username}`,
    "log_address = /nonexistent",
    // No fault of a busy machine is a fault of the test.
    "conn_timeout = 60",
    "node_timeout = 60",
    "container_update_timeout = 60",
  ];
  await Deno.writeTextFile(join(directory, `${name}.conf`), [...common, ...lines, ""].join("\n"));
}

function storageLines(name: string): string[] {
  return [
    "[pipeline:main]",
    `pipeline = ${name}-server`,
    `[app:${name}-server]`,
    `use = egg:swift#${name}`,
    "conn_timeout = 60",
    "node_timeout = 60",
    // A list shows all that was stored before, as S3 promises.
    "container_update_timeout = 60",
  ];
}

function proxyLines(): string[] {
  return [
    "[pipeline:main]",
    `pipeline = ${PIPELINE}`,
    ...Object.entries(FILTERS).flatMap(([name, lines]) => [
      `[filter:${name}]`,
      ...lines[0]?.startsWith("use =") ? [] : [`use = egg:swift#${name}`],
      ...lines,
    ]),
    "[app:proxy-server]",
    "use = egg:swift#proxy",
    "account_autocreate = true",
    "conn_timeout = 60",
    "node_timeout = 60",
  ];
}

/** The ring of one device: which server stores which part of the names. The format is Swift's first one. */
function ring(port: number): Uint8Array {
  const address = { ip: "127.0.0.1", port, replication_ip: "127.0.0.1", replication_port: port };
  const device = { id: 0, region: 1, zone: 1, device: "disk", weight: 1, meta: "", ...address };
  const byteorder = endianness() === "LE" ? "little" : "big";
  const head = new TextEncoder().encode(
    JSON.stringify({ devs: [device], part_shift: 31, replica_count: 1, byteorder }),
  );
  const bytes = new Uint8Array(10 + head.length + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("R1NG"));
  view.setUint16(4, 1);
  view.setUint32(6, head.length);
  bytes.set(head, 10);
  return gzipSync(bytes);
}
