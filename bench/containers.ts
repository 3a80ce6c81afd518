/**
 * Invocations of `hello` in containers with different rights, one after the other: the isolation that each allows, and its
 * times. It needs root, podman, runc and bubblewrap, and no image: the container has the programs of this machine.
 *   node_modules/deno/deno run --allow-all --no-check bench/containers.ts [name...]
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startOnce } from "../tests/support/server.ts";
import { type Profile, withoutAdded } from "../deploy/seccomp.ts";
import { Invoked } from "./invoked.ts";
import { summarize } from "./statistics.ts";
import { HELLO } from "./workload.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const USER = 10_001;
const WARM_UP = 60;
const CALLS = 400;

/** No capabilities, no new ones, a root that cannot be written. */
const RESTRICTED = [
  ...["--user", `${USER}`, "--cap-drop", "all", "--read-only"],
  ...["--security-opt", "no-new-privileges"],
];
const PROFILE = ["--security-opt", `seccomp=${ROOT}/deploy/seccomp.json`];
const UNMASKED = ["--security-opt", "unmask=ALL"];
const POD_USERS = ["--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536"];

/** A file with the profile that Docker and containerd apply by default. */
async function defaultProfile(directory: string): Promise<string> {
  const profile: Profile = JSON.parse(await Deno.readTextFile(`${ROOT}/deploy/seccomp.json`));
  const path = join(directory, "default.json");
  await Deno.writeTextFile(path, JSON.stringify(withoutAdded(profile)));
  return path;
}

/** Flags of podman by name; undefined for a server outside of containers. */
async function variantsIn(
  directory: string,
): Promise<Record<string, readonly string[] | undefined>> {
  const byDefault = ["--security-opt", `seccomp=${await defaultProfile(directory)}`];
  return {
    "no container": undefined,
    "docker's default profile": [...RESTRICTED, ...byDefault],
    "podman's default profile": RESTRICTED,
    "deploy/seccomp.json": [...RESTRICTED, ...PROFILE],
    "deploy/seccomp.json, unmasked /proc": [...RESTRICTED, ...PROFILE, ...UNMASKED],
    "hostUsers: false, default profile": [...RESTRICTED, ...POD_USERS, ...byDefault],
    "hostUsers: false, deploy/seccomp.json, unmasked /proc": [
      ...[...RESTRICTED, ...POD_USERS, ...PROFILE, ...UNMASKED],
    ],
  };
}

/** A root directory with the links of this machine, to mount its programs in. */
async function makeRoot(directory: string): Promise<string> {
  const root = join(directory, "root");
  for (const name of ["usr", "etc", "proc", "sys", "dev", "tmp", "run", "opt/invoked"]) {
    await Deno.mkdir(join(root, name), { recursive: true });
  }
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    await Deno.symlink(`usr/${name}`, join(root, name)).catch(() => {});
  }
  await Deno.copyFile("/etc/ld.so.cache", join(root, "etc/ld.so.cache"));
  return root;
}

/** Starts its command in a container. */
function podman(directory: string, root: string, flags: readonly string[]): string[] {
  return [
    ...["podman", "--root", join(directory, "storage"), "--runroot", join(directory, "run")],
    ...["--storage-driver", "vfs", "--runtime", "runc", "--cgroup-manager", "cgroupfs"],
    ...["run", "--rm", "--cgroups=no-conmon", "--network=host", "--log-driver=none", "--env-host"],
    ...["--volume", "/usr:/usr:ro", "--volume", `${ROOT}:${ROOT}:ro`, "--volume", "/tmp:/tmp"],
    ...[...flags, "--rootfs", root],
  ];
}

const directory = await Deno.makeTempDir({ prefix: "invoked-containers-" });
await Deno.chmod(directory, 0o755);
const root = await makeRoot(directory);
console.log(`load ${Deno.loadavg()[0]?.toFixed(1)}; ${CALLS} invocations each, in ms`);
for (const [name, flags] of Object.entries(await variantsIn(directory))) {
  if (Deno.args.length > 0 && !Deno.args.includes(name)) continue;
  const dataDir = await Deno.makeTempDir({ dir: directory });
  const owner = flags?.includes("--uidmap") ? 200_000 + USER : USER;
  // Downloads the bundler, which a container may not.
  await startOnce(dataDir);
  if (flags !== undefined) {
    await new Deno.Command("chown", { args: ["-R", `${owner}`, dataDir] }).output();
  }
  await using invoked = await Invoked.start({
    dataDir,
    fresh: true,
    env: { HOME: dataDir, PODMAN_IGNORE_CGROUPSV1_WARNING: "1" },
    launcher: flags === undefined ? [] : podman(directory, root, flags),
  });
  const call = invoked.call(await invoked.deploy(HELLO), HELLO);
  const samples: number[] = [];
  for (let n = 0; n < WARM_UP + CALLS; n++) {
    const startMs = performance.now();
    await call();
    if (n >= WARM_UP) samples.push(performance.now() - startMs);
  }
  const { p50, p95 = NaN } = summarize(samples);
  const { walls, instances } = await invoked.get("/api/v1/status");
  const mode = `${walls.split(" ")[0]}, ${instances === undefined ? "no forks" : "forks"}`;
  // podman passes the signal on; a container would survive its end.
  await invoked.server.stop();
  console.log(`${name}: ${mode}, p50 ${p50.toFixed(1)}, p95 ${p95.toFixed(1)}`);
}
await Deno.remove(directory, { recursive: true });
