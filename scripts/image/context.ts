/** Prepares what deploy/Dockerfile adds: the files of the image, as two archives. */
import { dirname, join } from "node:path";
import { ROOT, run } from "../release/files.ts";
import type { ReleaseRecord } from "../release/manifest.ts";
import { keepArchitecture } from "../release/one_architecture.ts";
import { copyDebianFiles } from "./debian.ts";
import { ARCHITECTURE } from "./facts.ts";

/** The Debian package has the server there, too. */
const INSTALLATION = "usr/lib/invoked";
/** The user of the server. Hosts seldom give a user this number. */
const USER_ID = 10_001;

/** A script instead of a link, because the command follows links with `readlink`, which the image does not have. */
const COMMAND = '#!/bin/sh\nexec /usr/lib/invoked/bin/invoked "$@"\n';

const SOURCES =
  `The programs and libraries outside of /usr/lib/invoked are unchanged files of Debian packages.
/var/lib/dpkg/status.d has the version and the source of each package, and /usr/share/doc its license.
Debian's snapshot archive has the source of each version.
/usr/lib/invoked/licenses has the licenses of everything else.
`;

const CONFIGURATION = {
  "etc/group": `root:x:0:\ninvoked:x:${USER_ID}:\nnogroup:x:65534:\n`,
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
  "etc/passwd": "root:x:0:0:root:/:/usr/sbin/nologin\n" +
    `invoked:x:${USER_ID}:${USER_ID}:invoked:/data:/usr/sbin/nologin\n` +
    "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
  "usr/share/doc/SOURCES": SOURCES,
};
/** The time of files that releases share: another time is another layer. */
const UNDATED = "@0";
/** Container engines mount these. */
const MOUNT_POINTS = ["dev", "proc", "run", "sys"];

/**
 * Writes `system.tar`, which changes only with Debian and Deno, and `server.tar`, the release build, to the context.
 * @param release directory of a release build
 */
export async function prepareContext(
  release: string,
  { date }: ReleaseRecord,
  context: string,
): Promise<void> {
  await run("rm", ["-rf", "--", context]);
  const system = join(context, "system");
  await Deno.mkdir(system, { recursive: true });
  await copyDebianFiles(system);
  await addConfiguration(system);
  await copy(Deno.execPath(), join(system, INSTALLATION, "bin/deno"));
  await pack(system, UNDATED);
  await appendDirectories(`${system}.tar`, UNDATED);
  const server = join(context, "server");
  await copy(release, join(server, INSTALLATION));
  await keepArchitecture(join(server, INSTALLATION), ARCHITECTURE.node);
  await copy(join(ROOT, "deploy/health.ts"), join(server, INSTALLATION, "health.ts"));
  await Deno.mkdir(join(server, "usr/bin"), { recursive: true });
  await Deno.writeTextFile(join(server, "usr/bin/invoked"), COMMAND, { mode: 0o755 });
  await pack(server, date);
}

/** The user, the lookup of names, where sources are, and mount points. */
async function addConfiguration(root: string): Promise<void> {
  await Deno.mkdir(join(root, "etc"), { recursive: true });
  for (const [path, text] of Object.entries(CONFIGURATION)) {
    await Deno.writeTextFile(join(root, path), text);
  }
  await Deno.symlink("../usr/lib/os-release", join(root, "etc/os-release"));
  for (const name of MOUNT_POINTS) await Deno.mkdir(join(root, name));
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await run("cp", ["--recursive", "--preserve=mode,links", "--no-target-directory", from, to]);
}

/** Makes an archive of the directory and removes the directory. The same files give the same archive. */
async function pack(directory: string, date: string): Promise<void> {
  await run("chmod", ["--recursive", "u=rwX,go=rX", directory]);
  const owner = ["--owner=0", "--group=0", "--numeric-owner", `--mtime=${date}`];
  const archive = `${directory}.tar`;
  const args = ["--create", "--sort=name", ...owner, "--file", archive];
  await run("tar", [...args, "--directory", directory, "."]);
  await run("rm", ["-rf", "--", directory]);
}

/** Adds the directories with another owner or mode. */
async function appendDirectories(archive: string, date: string): Promise<void> {
  const directories = { data: { owner: USER_ID, mode: "0700" }, tmp: { owner: 0, mode: "1777" } };
  const work = await Deno.makeTempDir({ prefix: "invoked-image-" });
  try {
    for (const [name, { owner, mode }] of Object.entries(directories)) {
      await Deno.mkdir(join(work, name));
      const ids = [`--owner=${owner}`, `--group=${owner}`, "--numeric-owner", `--mode=${mode}`];
      const args = ["--append", ...ids, `--mtime=${date}`, "--file", archive];
      await run("tar", [...args, "--directory", work, `./${name}`]);
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
