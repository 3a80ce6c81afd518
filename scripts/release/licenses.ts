/** The licenses of everything in a release. */
import { join } from "node:path";
import type { Bundled } from "./packages.ts";

/** The license of this project, and of packages that name it without its text. */
const APACHE = await Deno.readTextFile(new URL("../../LICENSE", import.meta.url));

/** The text of a license whose package has none. A further license of a package is in its notices. */
const TEXTS: Readonly<Record<string, string>> = {
  "Apache-2.0": APACHE,
  "(Apache-2.0 AND BSD-3-Clause)": APACHE,
  MIT:
    `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`,
};

/** What programs and packages contain beside what their own files name; a test compares the crates with the program. */
const NOTICES: Readonly<Record<string, string>> = {
  "@bufbuild/protobuf": "protobuf.txt",
  "@esbuild/linux-arm64": "esbuild.txt",
  "@esbuild/linux-x64": "esbuild.txt",
  deno: "deno.txt",
  "monaco-editor": "monaco-editor.txt",
};

/** Path of the file of a package from the root of the tree. */
export function licenseFile({ name, version }: Pick<Bundled, "name" | "version">): string {
  return `licenses/${name.replace("/", "+")}-${version}.txt`;
}

/** Writes the license and the notices of each package into `licenses`, in one file for each package. */
export async function addLicenses(tree: string, packages: readonly Bundled[]): Promise<void> {
  await Deno.mkdir(join(tree, "licenses"));
  for (const found of packages) {
    const { name, version, license } = found;
    const head = `${name} ${version}\nLicense: ${license}\n`;
    const texts = [head, ...textsOf(found), ...await noticesOf(name)];
    await Deno.writeTextFile(join(tree, licenseFile(found)), texts.join("\n"));
  }
}

async function noticesOf(name: string): Promise<readonly string[]> {
  const file = NOTICES[name];
  return file === undefined
    ? []
    : [await Deno.readTextFile(new URL(`notices/${file}`, import.meta.url))];
}

/** @throws {Error} for a package without a license, and for an unknown license without a text */
function textsOf({ name, license, author, texts }: Bundled): readonly string[] {
  if (texts.length > 0) return texts;
  const text = TEXTS[license];
  if (text === undefined) throw new Error(`${name} has no text of its license ${license}`);
  return [`Copyright (c) ${author ?? `the authors of ${name}`}\n`, text];
}
