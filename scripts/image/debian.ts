/** The files of the image that come from Debian: a few of a few packages, each with its license. */
import { dirname, join } from "node:path";
import { run } from "../release/files.ts";

/** The release whose packages the image consists of, as `/etc/os-release` names it. */
export const DEBIAN_RELEASE = "trixie";

/** Where the libraries of this machine's architecture are. */
const LIBRARIES = `usr/lib/${Deno.build.arch}-linux-gnu`;

/**
 * The files of each package that the image has, as regular expressions for the whole path. The list is complete: Deno,
 * bubblewrap, setpriv, setsid, tini and the shell need no other library.
 */
const FILES: Readonly<Record<string, readonly string[]>> = {
  "base-files": ["etc/debian_version", "usr/lib/os-release", "usr/share/common-licenses/.*"],
  bubblewrap: ["usr/bin/bwrap"],
  dash: ["usr/bin/dash", "usr/bin/sh"],
  "gcc-14-base": [],
  libc6: [
    `${LIBRARIES}/ld-linux-[^/]+`,
    `${LIBRARIES}/lib(?:c|dl|m|pthread|rt)\\.so\\.\\d+`,
    "usr/lib64/ld-linux-[^/]+|usr/lib/ld-linux-[^/]+",
  ],
  "libcap-ng0": [`${LIBRARIES}/libcap-ng\\.so\\.0.*`],
  libcap2: [`${LIBRARIES}/libcap\\.so\\.2.*`],
  "libgcc-s1": [`${LIBRARIES}/libgcc_s\\.so\\.1`],
  "libpcre2-8-0": [`${LIBRARIES}/libpcre2-8\\.so\\.0.*`],
  libselinux1: [`${LIBRARIES}/libselinux\\.so\\.1`],
  tini: ["usr/bin/tini"],
  "util-linux": ["usr/bin/setpriv", "usr/bin/setsid"],
};

/** Of every package: its license, or the link to the package that has the license. */
const licenseOf = (name: string) => `usr/share/doc/${name}(?:/copyright)?`;

/** The links of a merged `/usr`, which the paths of loaders and programs follow. */
const MERGED = ["bin", "lib", "lib64"];

/** Downloads the packages and copies their files and licenses into `root`. */
export async function copyDebianFiles(root: string): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "invoked-image-" });
  try {
    await download(work);
    const archives = (await listFiles(work)).filter((name) => name.endsWith(".deb"));
    for (const name of archives) await copyPackage(join(work, name), root);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  for (const name of MERGED) {
    await Deno.mkdir(join(root, "usr", name), { recursive: true });
    await Deno.symlink(`usr/${name}`, join(root, name));
  }
}

/** Only Debian's own packages: a machine may have sources of others with the same names. */
const PREFERENCES = `${
  ["", "-updates", "-security"].map((suite) =>
    `Package: *\nPin: release o=Debian,n=${DEBIAN_RELEASE}${suite}\nPin-Priority: 1001\n`
  ).join("\n")
}
Package: *
Pin: release *
Pin-Priority: -1
`;

/** Downloads the newest packages that APT knows. APT's lists may be missing, or older than the archive. */
async function download(directory: string): Promise<void> {
  const preferences = join(directory, "preferences");
  await Deno.writeTextFile(preferences, PREFERENCES);
  const options = [
    ...["--quiet=2", "--option", `Dir::Etc::Preferences=${preferences}`],
    ...["--option", "Dir::Etc::PreferencesParts=/dev/null"],
  ];
  const packages = Object.keys(FILES);
  const attempt = () =>
    run("env", [`--chdir=${directory}`, "apt-get", "download", ...options, ...packages]);
  try {
    await attempt();
  } catch (error) {
    // Only root may update the lists.
    if (Deno.uid() !== 0) throw error;
    await run("apt-get", ["update", "--quiet=2"]);
    await attempt();
  }
}

/** Copies the files of one package. Scanners for vulnerabilities read its version in `status.d`. */
async function copyPackage(archive: string, root: string): Promise<void> {
  const name = (await run("dpkg-deb", ["--field", archive, "Package"])).trim();
  const content = `${archive}.content`;
  await run("dpkg-deb", ["--extract", archive, content]);
  const paths = await listFiles(content);
  for (const pattern of [...FILES[name] ?? [], licenseOf(name)]) {
    const matching = paths.filter((path) => new RegExp(`^(?:${pattern})$`).test(path));
    if (matching.length === 0) throw new Error(`package ${name} has no file ${pattern}`);
    for (const path of matching) await move(join(content, path), join(root, path));
  }
  const control = await run("dpkg-deb", ["--field", archive]);
  const directory = join(root, "var/lib/dpkg/status.d");
  await Deno.mkdir(directory, { recursive: true });
  const status = "Status: install ok installed\n";
  await Deno.writeTextFile(join(directory, name), control + status);
}

/** The paths of all files and links below a directory, relative to the directory. */
async function listFiles(directory: string, inside = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(directory, inside))) {
    const path = join(inside, name);
    paths.push(...isDirectory ? await listFiles(directory, path) : [path]);
  }
  return paths;
}

async function move(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await run("mv", ["--no-target-directory", "--", from, to]);
}
