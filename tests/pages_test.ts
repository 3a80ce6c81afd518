/** The pages that people write: short, in the words of the glossary, and true about the files that they name. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bannedWordsIn } from "./support/words.ts";
import { CONFIGURATION_PAGES } from "../scripts/configuration_page.ts";
import { renderFigures } from "../bench/figures.ts";
import { renderPackages } from "../bench/packages_table.ts";
import { renderReadmeChart, renderReadmeFigures } from "../bench/readme_chart.ts";
import { readParts, rowsOfParts } from "../bench/results.ts";
import { exists, readText, ROOT } from "./support/repository.ts";

/** Written by scripts. */
const GENERATED = [
  ...["cli", "metrics", "npm", "permissions", "reviewed-packages", "sdk-methods", "triggers"].map(
    (page) => `docs/${page}.md`,
  ),
  ...Object.keys(CONFIGURATION_PAGES),
];
/** Words as `wc -w` counts them, in one page. */
const WORDS_IN_PAGE_MAX = 2_500;
/** Words of all pages together except pages of one capability: what every user and contributor may have to read. */
const WORDS_OF_OWN_PAGES_MAX = 20_000;
/**
 * Pages about one capability, which only its users read. Each may have its present words, rounded up to the next
 * hundred. A new capability adds a page here, so the pages that everybody reads do not grow with each feature.
 */
const WORDS_OF_CAPABILITY_MAX: Readonly<Record<string, number>> = {
  "bench/scale/README.md": 400,
  "docs/alerts.md": 700,
  "docs/audit.md": 1_100,
  "docs/backup.md": 1_700,
  "docs/clustering.md": 2_000,
  "docs/identity.md": 1_400,
  "docs/install.md": 300,
  "docs/install/clone.md": 200,
  "docs/install/container.md": 400,
  "docs/install/debian.md": 200,
  "docs/install/kubernetes.md": 700,
  "docs/install/npm.md": 200,
  "docs/operations.md": 2_000,
  "docs/restarts.md": 400,
  "docs/retention.md": 500,
  "docs/tenants.md": 2_100,
  "docs/traces.md": 1_100,
  "docs/upgrade.md": 300,
  "docs/usage.md": 700,
};
/** Scripts write these parts of a page, so their words do not count. */
const WRITTEN_BY_SCRIPTS =
  /<!-- .*: begin -->[^]*?<!-- end -->|<!-- deno-fmt-ignore-start -->\s*<!-- Generated [^]*?<!-- deno-fmt-ignore-end -->/g;
const GLOSSARY_MAX = 20;
const RESULTS = fileURLToPath(new URL("bench/results/", ROOT));
/** Figures are compared with a published run, so that only the script changes them. */
const FIGURES = /<!-- figures of `deno task bench`: begin -->([^]*?)<!-- end -->/;
/** A description of behavior needs one condition and its effect, and often a name for each: more words are two sentences. */
const WORDS_IN_SENTENCE_MAX = 30;
/**
 * Sentences whose subject is not named: "What was skipped is ...", "Those stay", "Who is not proved gets ...". A reader
 * has to look for the subject in the sentence before, or cannot find it at all.
 */
const UNNAMED_SUBJECT = new RegExp(
  [
    String.raw`^(?:What|Who|Whoever|Whatever)\b(?![^]*\?$)`,
    String.raw`^(?:Those|Others|Nothing of|So does|So do|Nor does|Nor do)\b`,
    String.raw`^These (?:are|is|have|has|can|must|may|do|that|of|which|who)\b`,
  ].join("|"),
);

/** Paths that the walks of ARCHITECTURE.md name, below `src/`. */
const WALK_PATH = /^(?!src\/)(?:[a-z_]+\/)+[a-z_]+\.ts(?= )/gm;

Deno.test("pages that people write stay short", async () => {
  const pages = (await handWrittenPages()).map(([path, text]) =>
    [path, countWords(text.replace(WRITTEN_BY_SCRIPTS, ""))] as const
  );
  const limitOf = (path: string) => WORDS_OF_CAPABILITY_MAX[path] ?? WORDS_IN_PAGE_MAX;
  assert.deepEqual(pages.filter(([path, words]) => words > limitOf(path)), []);
  const own = pages.filter(([path]) => !(path in WORDS_OF_CAPABILITY_MAX));
  assert.equal(own.length, pages.length - Object.keys(WORDS_OF_CAPABILITY_MAX).length);
  const words = own.reduce((sum, [, count]) => sum + count, 0);
  assert.ok(
    words <= WORDS_OF_OWN_PAGES_MAX,
    `the project's own pages have ${words} words, the limit is ${WORDS_OF_OWN_PAGES_MAX}`,
  );
});

Deno.test("the glossary of ARCHITECTURE.md stays short", async () => {
  const page = await readText("ARCHITECTURE.md");
  const [, glossary = ""] = /^## Glossary\n([^]*?)^## /m.exec(page) ?? [];
  const terms = glossary.split("\n").filter((line) => line.startsWith("| ")).slice(2);
  assert.ok(terms.length > 0 && terms.length <= GLOSSARY_MAX, `${terms.length} terms`);
});

Deno.test("pages use the words of the glossary", async () => {
  const found = (await allPages()).flatMap(([path, text]) =>
    bannedIn(text).map((phrase) => `${path}: ${phrase}`)
  );
  assert.deepEqual(found, []);
});

Deno.test("sentences of pages name their subject", async () => {
  const found = (await allPages()).flatMap(([path, text]) =>
    unnamedSubjects(text).map((sentence) => `${path}: ${sentence}`)
  );
  assert.deepEqual(found, []);
});

Deno.test("sentences of pages stay short", async () => {
  const found = (await allPages()).flatMap(([path, text]) =>
    longSentences(text).map((sentence) => `${path}: ${sentence}`)
  );
  assert.deepEqual(found, []);
});

Deno.test("the walks of ARCHITECTURE.md name files that exist, each once in a walk", async () => {
  const page = await readText("ARCHITECTURE.md");
  const walks = [...page.matchAll(/^```text\n([^]*?)^```/gm)]
    .map(([, block = ""]) => [...block.matchAll(WALK_PATH)].map(([path]) => `src/${path}`))
    .filter((walk) => walk.length > 0);
  assert.ok(walks.length > 0, "ARCHITECTURE.md has no walk");
  const missing: string[] = [];
  for (const path of walks.flat()) if (!await exists(path)) missing.push(path);
  assert.deepEqual(missing, []);
  for (const walk of walks) assert.equal(new Set(walk).size, walk.length, walk.join("\n"));
});

Deno.test("ARCHITECTURE.md lists every folder of src", async () => {
  const page = await readText("ARCHITECTURE.md");
  const unlisted: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL("src/", ROOT))) {
    if (isDirectory && !page.includes(`\nsrc/${name}/ `)) unlisted.push(name);
  }
  assert.deepEqual(unlisted, []);
});

Deno.test("the picture of README.md shows the published figures", async () => {
  const rows = rowsOfParts(await readParts(join(RESULTS, "published")));
  assert.equal(await readText("docs/images/latency.svg"), renderReadmeChart(rows));
});

Deno.test("pages show the published figures", async () => {
  const pages = [
    ["README.md", "published", renderReadmeFigures],
    ["docs/performance.md", "published", renderFigures],
    ["bench/README.md", "packages", renderPackages],
  ] as const;
  for (const [page, results, render] of pages) {
    const rows = rowsOfParts(await readParts(join(RESULTS, results)));
    const [, shown = ""] = FIGURES.exec(await readText(page)) ?? [];
    // The formatter pads tables and wraps paragraphs.
    const plain = (text: string) => text.replace(/[\s-]+/g, " ").replaceAll(" :", ":").trim();
    assert.equal(plain(shown), plain(render(rows)), `${page}: run deno task bench --publish`);
  }
});

Deno.test("README.md shows the function that the first start deploys", async () => {
  const source = (await readText("examples/hello/main.ts")).replace(/^\/\*\*.*\n/, "");
  assert.ok((await readText("README.md")).includes(`\`\`\`ts\n${source}\`\`\``), source);
});

Deno.test("the checks of pages notice what is wrong", () => {
  const words = (count: number) => Array.from({ length: count }, () => "word").join(" ");
  assert.deepEqual(bannedIn("It stands, `it told`, in place of a shelf.\n\n```\ntells\n```"), [
    "stands",
    "shelf",
  ]);
  assert.deepEqual(longSentences(`${words(30)}. ${words(3)}`), []);
  assert.deepEqual(longSentences(`${words(31)}. ${words(3)}`), [`${words(31)}.`]);
  assert.deepEqual(
    unnamedSubjects(
      "Those stay. What is missing? These limits hold.\n\n- What was skipped is lost.",
    ),
    ["Those stay.", "What was skipped is lost."],
  );
  assert.deepEqual(longSentences(`- ${words(20)}\n- ${words(20)}`), []);
  assert.deepEqual(longSentences(`| ${words(30)} |\n\n\`\`\`\n${words(30)}\n\`\`\``), []);
  assert.equal(countWords(" a  b\n| c |"), 5);
});

function countWords(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}

/** The banned words in a page, without its code. */
function bannedIn(page: string): string[] {
  return bannedWordsIn(proseOf(page));
}

function longSentences(page: string): string[] {
  return sentencesOf(page).filter((sentence) => countWords(sentence) > WORDS_IN_SENTENCE_MAX);
}

function unnamedSubjects(page: string): string[] {
  return sentencesOf(page).filter((sentence) => UNNAMED_SUBJECT.test(sentence));
}

/** Sentences outside of code, tables and headings. An item of a list is a paragraph of its own. */
function sentencesOf(page: string): string[] {
  const text = proseOf(page).replace(/^ *(?:\||#).*$/gm, "");
  const paragraphs = text.split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )/);
  return paragraphs
    .flatMap((paragraph) =>
      paragraph.replace(/^\s*(?:[-*]|\d+\.) /, "").trim().split(/(?<=[.!?]["')*]*)\s+/)
    )
    .map((sentence) => sentence.replace(/\s+/g, " ").trim());
}

/** The page without fenced code; code within a line counts as one word, a link as its text. */
function proseOf(page: string): string {
  return page.replace(/^ *```[^]*?^ *```/gm, "\n")
    .replace(/<!--[^]*?-->/g, "")
    .replace(/^ {4}\S.*$/gm, "")
    .replace(/`[^`]+`/g, "CODE")
    .replace(/!\[[^\]]*\]\([^)]*\)/g, "")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
}

type Page = readonly [path: string, text: string];

/** Pages without the generated ones and the examples. */
async function handWrittenPages(): Promise<Page[]> {
  const paths = [
    ...["README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"],
    ...["bench/README.md", "bench/scale/README.md"],
    ...await markdownIn("docs/"),
    ...await markdownIn("docs/install/"),
  ];
  return await readAll(paths.filter((path) => !GENERATED.includes(path)));
}

/** With the generated pages and the examples, whose words are not counted. */
async function allPages(): Promise<Page[]> {
  const others = [...GENERATED];
  for await (const { name, isDirectory } of Deno.readDir(new URL("examples/", ROOT))) {
    if (isDirectory) others.push(...await markdownIn(`examples/${name}/`));
  }
  return [...await handWrittenPages(), ...await readAll(others)];
}

async function markdownIn(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
    if (name.endsWith(".md")) paths.push(`${folder}${name}`);
  }
  return paths.toSorted();
}

async function readAll(paths: readonly string[]): Promise<Page[]> {
  return await Promise.all(paths.map(async (path): Promise<Page> => [path, await readText(path)]));
}
