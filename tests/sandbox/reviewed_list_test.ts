/** The list of reviewed packages is well-formed, and names files of packages alone. */
import assert from "node:assert/strict";
import { satisfies, validRange } from "semver";
import { isReviewed, MODULE_CODE } from "../../src/sandbox/tree/reviewed.ts";
import entries from "../../src/sandbox/tree/reviewed_readings.json" with { type: "json" };
import { exists, readText } from "../support/repository.ts";

/** An entry without the field that most lack. */
type Entry = Omit<typeof entries[number], "calledBy"> & { readonly calledBy?: string };

const PACKAGE_NAME = /^(?:@[a-z\d][\w.-]*\/)?[a-z\d][\w.-]*$/;
/** A path in a package, without dot segments. */
const FILE = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w@.-][\w@./-]*\.(?:js|cjs|mjs)$/;
/** What a template reports of uses that an entry may allow; crypto is for keys and ids. */
const READS = ["Date.now", "Date", "new Date", "Math.random"];
const FIELDS = ["package", "versions", "files", "functions", "reads", "calledBy", "why"];
/** A function without a name is one of many in a file, so its file must be looked at as a whole. */
const NAME = /^(?:|<\w+>|[\w$\]]+)$/;
const WHY_MIN_UNITS = 40;

/** What is wrong with the form of an entry. */
function faultsOf(entry: Entry): string[] {
  const { package: name, versions, files, functions, reads, calledBy, why } = entry;
  const faults: (readonly [string, boolean])[] = [
    ["a field is unknown", Object.keys(entry).every((field) => FIELDS.includes(field))],
    ["the name of the package", PACKAGE_NAME.test(name)],
    // A range without an upper limit would allow what nobody has read.
    ["the range", validRange(versions) !== null && !satisfies("999.0.0", versions)],
    ["a file", files.length > 0 && files.every((file) => FILE.test(file))],
    ["a function", functions.length > 0 && functions.every((name) => NAME.test(name))],
    ["a use", reads.length > 0 && reads.every((called) => READS.includes(called))],
    ["the caller", calledBy === undefined || calledBy !== "" && NAME.test(calledBy)],
    ["the reason", why.length >= WHY_MIN_UNITS && why.endsWith(".")],
    ["something is twice", [files, functions, reads].every(isDistinct)],
  ];
  return faults.filter(([, isRight]) => !isRight).map(([fault]) => `${name}: ${fault}`);
}

function isDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

/** What an entry allows, as often as another entry allows the same. */
function allowed({ package: name, files, functions, reads, calledBy = "" }: Entry): string[] {
  return files.flatMap((file) =>
    functions.flatMap((fn) => reads.map((called) => [name, file, fn, called, calledBy].join(" ")))
  );
}

Deno.test("each entry of the reviewed list is well-formed, and no two allow the same", () => {
  assert.ok(entries.length > 0);
  assert.deepEqual(entries.flatMap(faultsOf), []);
  assert.ok(isDistinct(entries.flatMap(allowed)));
});

Deno.test("the check of entries finds what is wrong", () => {
  const entry: Entry = {
    package: "example",
    versions: "^1.2.0",
    files: ["lib/index.js"],
    functions: [MODULE_CODE],
    reads: ["Date.now"],
    why: "The time of the last purge, which an empty cache does not need.",
  };
  assert.deepEqual(faultsOf(entry), []);
  const wrong: Readonly<Record<string, Partial<Entry>>> = {
    "the name of the package": { package: "./main.ts" },
    "the range": { versions: ">=1.2.0" },
    "a file": { files: ["../lodash/lodash.js"] },
    "a function": { functions: ["new Client"] },
    "a use": { reads: ["crypto.randomUUID"] },
    "the caller": { calledBy: "" },
    "the reason": { why: "It is harmless." },
    "something is twice": { reads: ["Date.now", "Date.now"] },
  };
  for (const [fault, change] of Object.entries(wrong)) {
    const changed = { ...entry, ...change };
    assert.deepEqual(faultsOf(changed), [`${changed.package}: ${fault}`]);
  }
});

Deno.test("installed versions of listed packages have the files and the calls", async () => {
  const found: string[] = [];
  for (const { package: name, versions, files, reads } of entries) {
    const folder = `node_modules/${name}`;
    if (!await exists(`${folder}/package.json`)) continue;
    const { version } = JSON.parse(await readText(`${folder}/package.json`));
    if (!satisfies(version, versions)) continue;
    const texts = await Promise.all(
      files.map(async (file) =>
        await exists(`${folder}/${file}`) ? await readText(`${folder}/${file}`) : ""
      ),
    );
    assert.ok(texts.some((text) => reads.some((called) => text.includes(called))), name);
    found.push(name);
  }
  assert.ok(
    found.includes("brace-expansion"),
    "the packages of this project have none of the list",
  );
});

Deno.test("no file of a function is on the list, whatever its name", () => {
  for (const { package: name, files, functions, reads, calledBy } of entries) {
    for (const file of [...files, ...files.map((file) => `npm:${name}/${file}`)]) {
      const site = { package: undefined, file, functionName: functions[0] ?? "" };
      const caller = calledBy === undefined ? undefined : { ...site, functionName: calledBy };
      assert.equal(isReviewed(reads[0] ?? "", site, caller), false, file);
    }
  }
});
