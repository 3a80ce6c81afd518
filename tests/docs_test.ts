/** The pages for people say what the code says: errors, words, links, flags, paths. */
import assert from "node:assert/strict";
import { posix } from "node:path";
import { leafCommands } from "../scripts/command_line_page.ts";
import { buildTestCommand } from "../scripts/test_options.ts";
import { buildProgram } from "../src/cli/program.ts";
import { ALL_SETTINGS, CLIENT_VARIABLES, variableOf } from "../src/config/mod.ts";
import { REASONS } from "../src/domain/errors.ts";
import { statusOf } from "../src/api/status.ts";
import { exists, readText, ROOT } from "./support/repository.ts";

const SKIPPED_FOLDERS = ["node_modules", "build"];

/** Flags of the commands. */
const COMMAND_FLAGS = [
  "--help",
  ...leafCommands(await buildProgram()).flatMap(({ options }) =>
    options.flatMap(({ long }) => long ?? [])
  ),
  ...buildTestCommand().options.flatMap(({ long }) => long ?? []),
];
/** Flags of other programs that the pages name. */
const OTHER_FLAGS = [
  "--max-old-space-size",
  "--data-urlencode",
  // A stream of 0.1.0.
  "INVOKED_RUNS",
  "--upload-file",
  "--quick",
  "--publish",
  // Docker and npm.
  ...[
    "--security-opt",
    "--read-only",
    "--cap-drop",
    "--stop-timeout",
    "--force",
  ],
  ...["--save-dev", "--ignore-scripts", "--global"],
  // The server of the example tenant, and Deno.
  ...["--allow-all", "--cert", "--key"],
  "--parts",
];
/** Words of the token endpoint, as RFC 6749 has them; the type of its errors names all that are answered. */
const TOKEN_ERRORS = /type OAuthErrorCode =([^;]+);/;

/** Text of every page by its path from the root of the project. */
type Pages = ReadonlyMap<string, string>;

Deno.test("docs/errors.md lists every reason with its code and HTTP status, and no other", async () => {
  const page = section(await readText("docs/errors.md"), "Errors of requests");
  // One table or list for each status and code, which are its heading.
  const listed = page.split(/^### /m).slice(1).flatMap((part) => {
    const [, status, code] = /^(\d+) `(\w+)`/.exec(part) ?? [];
    return [...part.matchAll(/^(?:\||-) `(\w+)`/gm)].map((
      [, reason],
    ) => [reason, code, Number(status)]);
  });
  const known = Object.entries(REASONS).map(([reason, code]) => [
    reason,
    code,
    statusOf(reason as keyof typeof REASONS),
  ]);
  assert.deepEqual(listed.toSorted(), known.toSorted());
});

Deno.test("docs/errors.md lists every word of an invocation's error, and no other", async () => {
  const page = section(await readText("docs/errors.md"), "Errors of invocations");
  const contract = await readText("src/sandbox/contract.ts");
  const type = /export type ErrorCode =([^;]+);/.exec(contract)?.[1] ?? "";
  const writeSet = await readText("src/domain/volumes/write_set.ts");
  const volumeType = /export type VolumeErrorCode =([^;]+);/.exec(writeSet)?.[1] ?? "";
  const invoke = await readText("src/domain/invocations/invoke.ts");
  const skipType = /export type SkipErrorCode =([^;]+);/.exec(invoke)?.[1] ?? "";
  const known = [...quoted(type), ...quoted(volumeType), ...quoted(skipType)];
  assert.ok(quoted(type).length > 0, "ErrorCode was not found in src/sandbox/contract.ts");
  assert.ok(
    quoted(volumeType).length > 0,
    "VolumeErrorCode was not found in src/domain/volumes/write_set.ts",
  );
  assert.deepEqual(rows(page).map(([word]) => word).toSorted(), known.toSorted());
});

Deno.test("docs/errors.md lists every error of the token endpoint, and no other", async () => {
  const page = section(await readText("docs/errors.md"), "Errors of the token endpoint");
  const source = await readText("src/domain/identity/grants/grant.ts");
  const known = quoted(TOKEN_ERRORS.exec(source)?.[1] ?? "");
  assert.ok(known.length > 0, "the type of the errors was not found");
  assert.deepEqual(rows(page).map(([word]) => word).toSorted(), known.toSorted());
});

Deno.test("relative links lead to a file, and to a heading in it", async () => {
  const pages = await readPages();
  assert.deepEqual(await brokenLinks(pages, exists), []);
});

Deno.test("flags and variables that the pages name exist", async () => {
  const pages = await readPages();
  assert.deepEqual(unknownFlags(pages), []);
  const text = [...pages.values()].join("\n");
  assert.deepEqual(OTHER_FLAGS.filter((flag) => !flagsOf(text).includes(flag)), []);
});

Deno.test("scripts of npm that the pages name exist", async () => {
  const { scripts } = JSON.parse(await readText("package.json"));
  const named = [...await readPages()].flatMap(([page, text]) =>
    [...text.matchAll(/\bnpm (?:run ([\w-]+)|(start|test))\b/g)]
      .map(([, script, known = script]) => ({ page, script: known ?? "" }))
  );
  assert.ok(named.some(({ script }) => script === "dev"), "CONTRIBUTING.md names no scripts");
  assert.deepEqual(named.filter(({ script }) => !(script in scripts)), []);
});

Deno.test(".editorconfig agrees with the formatter", async () => {
  const editor = new Map(
    [...(await readText(".editorconfig")).matchAll(/^(\w+) = (.+)$/gm)]
      .map(([, key = "", value = ""]) => [key, value] as const),
  );
  const { fmt } = JSON.parse(await readText("deno.json"));
  // Deno's own defaults are spaces, two of them, and line feeds.
  const { lineWidth, indentWidth = 2, useTabs = false, newLineKind = "lf" } = fmt;
  assert.deepEqual(
    ["max_line_length", "indent_size", "indent_style", "end_of_line"].map((key) => editor.get(key)),
    [`${lineWidth}`, `${indentWidth}`, useTabs ? "tab" : "space", newLineKind],
  );
});

Deno.test("files and folders of the project that the pages name exist", async () => {
  const named = [...await readPages()].flatMap(([page, text]) =>
    [...text.matchAll(/`((?:src|tests|bench|examples|docs|bin)\/[\w./-]*)`/g)]
      .map(([, path = ""]) => ({ page, path }))
  );
  const missing: string[] = [];
  for (const { page, path } of named) {
    if (!await exists(path)) missing.push(`${page} names ${path}`);
  }
  assert.deepEqual(missing, []);
});

Deno.test("the checks notice what is wrong", async () => {
  const pages = new Map([
    ["README.md", "# A page\n\n[a](docs/a.md#two-words) [b](docs/b.md) [c](#a-page) `--porte`"],
    ["docs/a.md", "## Two *words*\n\n[up](../README.md#none) [web](https://example.com/x)"],
    [
      "docs/c.md",
      "`INVOKED_PORTE` `INVOKED_PORT` `INVOKED_*` `--port` ```\n[no link](in code)\n```",
    ],
  ]);
  assert.deepEqual(await brokenLinks(pages, (path) => Promise.resolve(pages.has(path))), [
    "README.md links to docs/b.md",
    "docs/a.md links to ../README.md#none",
  ]);
  assert.deepEqual(unknownFlags(pages), [
    "README.md names --porte",
    "docs/c.md names INVOKED_PORTE",
  ]);
  assert.deepEqual(rows("| A | B |\n| - | - |\n| `x` | y |\n\ntext"), [["x", "y"]]);
});

/** The text below a heading of the second level, up to the next one. */
function section(page: string, title: string): string {
  const found = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
  assert.ok(found !== undefined, `there is no section ${title}`);
  return found;
}

/** The cells of each row of the tables, without their heads and without backticks. */
function rows(markdown: string): string[][] {
  return markdown.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim().replaceAll("`", "")));
}

function quoted(type: string): string[] {
  return [...type.matchAll(/"(\w+)"/g)].map(([, word = ""]) => word);
}

async function brokenLinks(
  pages: Pages,
  has: (path: string) => Promise<boolean>,
): Promise<string[]> {
  const broken: string[] = [];
  for (const [page, text] of pages) {
    for (const [, link = ""] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? page : posix.join(posix.dirname(page), file);
      const headings = anchorsOf(pages.get(target) ?? "");
      const leads = await has(target) && (anchor === undefined || headings.includes(anchor));
      if (!leads) broken.push(`${page} links to ${link}`);
    }
  }
  return broken;
}

/** The anchors of a page's headings, made as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...withoutCode(page).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

function withoutCode(page: string): string {
  return page.replace(/```[^]*?```/g, "");
}

function unknownFlags(pages: Pages): string[] {
  const known = [
    ...ALL_SETTINGS.flatMap(({ setting }) => [`--${setting.name}`, variableOf(setting)]),
    ...Object.keys(CLIENT_VARIABLES),
    ...COMMAND_FLAGS,
    ...OTHER_FLAGS,
  ];
  return [...pages].flatMap(([page, text]) =>
    flagsOf(text).filter((flag) => !known.includes(flag)).map((flag) => `${page} names ${flag}`)
  );
}

/** Flags and `INVOKED_` variables; without patterns such as `INVOKED_*`. */
function flagsOf(text: string): string[] {
  const found = text.matchAll(/(?<![\w-])(?:--[a-z][a-z-]*[a-z]|INVOKED_[A-Z_]*[A-Z])\b/g);
  return [...new Set([...found].map(([flag]) => flag))];
}

async function readPages(folder = ""): Promise<Pages> {
  const pages = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (name.startsWith(".") || SKIPPED_FOLDERS.includes(name)) continue;
    const path = `${folder}${name}`;
    if (isDirectory) {
      for (const [inner, text] of await readPages(`${path}/`)) pages.set(inner, text);
    } else if (path.endsWith(".md")) pages.set(path, await readText(path));
  }
  return pages;
}
