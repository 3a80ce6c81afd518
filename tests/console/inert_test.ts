/** No source of the console turns text into markup or code, or links to an address that it has not made itself. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const SOURCES = new URL("../../console/src", import.meta.url).pathname;

/** What makes markup or code of text. */
const INTERPRETED =
  /\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|createContextualFragment|setHTMLUnsafe|parseHTMLUnsafe|DOMParser|src[dD]oc|document\s*\.\s*write(?:ln)?|eval\s*\(|new\s+Function\b|(?:setTimeout|setInterval)\s*\(\s*["'`]|javascript:)/g;

/** Attributes and calls that load or open an address. */
const ADDRESS =
  /(?:\b(?:href|src|formAction|xlinkHref)=\{|\b(?:window\.|globalThis\.)open\(|\b(?:location\.(?:assign|replace)|loadAnew)\(|\blocation(?:\.href)?\s*=[^=>])([^\n]*)/g;

/** Addresses that begin with a path of this server, and the makers of such. */
const OWN = /^\s*(?:["'`]\/(?!\/)|(?:filePath|checkedUrl|ownPath)\()/;

/** By file: what is an address made here, or is no address. */
const CHECKED: Readonly<Record<string, readonly string[]>> = {
  // The URL of the blob of an image.
  "features/volumes/file.tsx": ["src={url} "],
  // The page of a trace: an http or https URL of the operator's setting, see src/config.
  "features/invocations/facts.tsx": ["href={traceUrl} "],
  // The path where the server begins a sign-in with the provider, and the provider's URL at the end of a session.
  "features/settings/settings_page.tsx": ["href={`${providerSignInPath}?owner=true"],
  "shell/session.ts": ["loadAnew(globalThis.location.href)", "loadAnew(endSessionUrl ?? "],
  // Of a page of the console.
  "shell/root.tsx": ["loadAnew(by)"],
  // Its callers are checked.
  "browser/load_anew.ts": ["loadAnew(address: string)", "location.assign(address)"],
  "shell/sign_in_form.tsx": ["href={providerSignInPath && providerUrl(", "href={href}>"],
};

/** The texts of all sources, by path. */
async function readSources(): Promise<readonly (readonly [string, string])[]> {
  const names = (await readdir(SOURCES, { recursive: true })).filter((name) =>
    /\.tsx?$/.test(name)
  );
  return await Promise.all(
    names.map(async (name) => [name, await readFile(join(SOURCES, name), "utf8")] as const),
  );
}

function interpreted(text: string): string[] {
  return [...text.matchAll(INTERPRETED)].map(([found]) => found);
}

function addresses(path: string, text: string): string[] {
  const checked = CHECKED[path] ?? [];
  return [...text.matchAll(ADDRESS)]
    .filter(([found, address = ""]) =>
      !OWN.test(address) && !checked.some((known) => found.startsWith(known))
    )
    .map(([found]) => found);
}

Deno.test("the console makes no markup, code or foreign address of data", async () => {
  const violations: string[] = [];
  const sources = await readSources();
  assert.ok(sources.length > 50, `${sources.length} sources`);
  for (const [name, text] of sources) {
    for (const found of [...interpreted(text), ...addresses(name, text)]) {
      violations.push(`${name}: ${found}`);
    }
  }
  assert.deepEqual(violations, []);
});

Deno.test("one module of the console keeps values in the browser, each for its reader", async () => {
  const storing = (await readSources())
    .filter(([, text]) => /\b(?:local|session)Storage\b|\bindexedDB\b|\bcaches\b/.test(text));
  assert.deepEqual(storing.map(([path]) => path), ["browser/stored.ts"]);
});

Deno.test("the search for markup, code and addresses finds them", () => {
  const markup = [
    "element.innerHTML = name",
    "<p dangerouslySetInnerHTML={{ __html: name }} />",
    "document.write(name)",
    "eval(text)",
    "new Function(text)",
    "setTimeout('run()')",
    "<iframe srcDoc={page} />",
  ];
  for (const text of markup) assert.equal(interpreted(text).length, 1, text);
  const foreign = [
    "<a href={data.url}>",
    "<img src={output} />",
    "globalThis.open(url)",
    "location.assign(url)",
    "location.href = url",
    "<a href={`//${host}`}>",
  ];
  for (const text of foreign) assert.equal(addresses("a.tsx", text).length, 1, text);
  for (const text of ['<a href={"/"}>', "<a href={`/api/${id}`}>", "location.assign('/')"]) {
    assert.deepEqual(addresses("a.tsx", text), [], text);
  }
});
