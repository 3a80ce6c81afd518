/** Items of the release checklist about the sources. */
import { join } from "node:path";
import { MIGRATIONS } from "../../src/store/migrations/mod.ts";
import { GENERATED_FILES } from "../generated_files.ts";
import { ROOT, run } from "../release/files.ts";
import { done, type Found, type Item, missing } from "./item.ts";

/** The branch from which releases are made. */
const BRANCH = "main";
const VERSION_HEADING = /^## \[(\d+\.\d+\.\d+[^\]]*)\] - (.*)$/m;
const UNRELEASED = /^## \[Unreleased\]\s+(?!## )\S/m;

/** The items of the repository. @param version of package.json */
export function repositoryItems(version: string): readonly Item[] {
  return [
    { title: "The working tree is clean", check: () => isClean() },
    { title: `The branch is ${BRANCH}`, check: () => isOnBranch() },
    {
      title: `CHANGELOG.md begins with ${version} and a date`,
      check: () => isInLog(version),
    },
    {
      title: `The tag v${version} is free, or at this commit`,
      check: () => isTagFree(version),
    },
    { title: "package.json allows publication", check: () => isPublic() },
    { title: "Every migration is listed in its order", check: () => areMigrationsListed() },
    { title: "The generated files are current", check: () => areFilesCurrent() },
  ];
}

async function git(...args: readonly string[]): Promise<string> {
  return (await run("git", args)).trim();
}

async function isClean(): Promise<Found> {
  const changes = await git("status", "--porcelain");
  if (changes === "") return done();
  const [first = "", ...more] = changes.split("\n");
  const others = more.length === 0 ? "" : ` and ${more.length} more`;
  return missing(`git status lists ${first.trim()}${others}`, "commit or remove the changes");
}

async function isOnBranch(): Promise<Found> {
  const branch = await git("branch", "--show-current");
  if (branch === BRANCH) return done();
  const where = branch === "" ? "no branch is checked out" : `the branch is ${branch}`;
  return missing(where, `merge the release into ${BRANCH}, and check it out`);
}

async function isInLog(version: string): Promise<Found> {
  const log = await Deno.readTextFile(join(ROOT, "CHANGELOG.md"));
  const [, newest, date = ""] = VERSION_HEADING.exec(log) ?? [];
  const heading = `## [${version}] - YYYY-MM-DD`;
  if (newest !== version) {
    return missing(`the newest version there is ${newest ?? "none"}`, `begin with ${heading}`);
  }
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) {
    return missing(`its date is ${JSON.stringify(date)}`, `write the heading ${heading}`);
  }
  if (UNRELEASED.test(log)) {
    return missing("changes are below Unreleased", "move them below the version");
  }
  return done(date);
}

async function isTagFree(version: string): Promise<Found> {
  const head = await git("rev-parse", "HEAD");
  const tag = `refs/tags/v${version}`;
  const tagged = await git("for-each-ref", "--format=%(objectname) %(*objectname)", tag);
  if (tagged === "") return done("free");
  if (tagged.split(" ").includes(head)) return done("at this commit");
  return missing("it is at another commit", "raise the version in package.json, or move the tag");
}

async function isPublic(): Promise<Found> {
  const manifest = JSON.parse(await Deno.readTextFile(join(ROOT, "package.json")));
  if (manifest.private === undefined) return done();
  return missing("it has the field private", "remove the field");
}

async function areMigrationsListed(): Promise<Found> {
  const directory = join(ROOT, "src/store/migrations");
  const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
  const files = names.filter((name) => /^\d{3}_\w+\.ts$/.test(name)).toSorted()
    .map((name) => name.replace(/\.ts$/, ""));
  const listed = Object.keys(MIGRATIONS);
  const wrong =
    files.find((name, at) =>
      name !== listed[at] || !name.startsWith(`${at + 1}`.padStart(3, "0"))
    ) ?? listed[files.length];
  if (wrong === undefined) return done(`up to ${listed.at(-1)}`);
  return missing(
    `${wrong} is out of order, or has no file`,
    "number the files without a gap, and list them in src/store/migrations/mod.ts",
  );
}

async function areFilesCurrent(): Promise<Found> {
  for (const [path, render] of Object.entries(GENERATED_FILES)) {
    const text = await Deno.readTextFile(join(ROOT, path)).catch(() => "");
    if (text !== await render(text)) {
      return missing(`${path} differs`, "run deno task docs, and commit the files");
    }
  }
  return done();
}
