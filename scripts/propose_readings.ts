/**
 * Proposes entries for the list of reviewed packages (docs/reviewed-packages.md):
 *
 *     deno task propose-readings immutable lodash@4.17.21 path/to/main.ts
 *
 * Deploys a function that imports each package, or the file given, to a server of its own, which loads it as a template
 * does and reports each use of the clock and of random numbers. Prints the uses that the list lacks, with position and
 * function, and then an entry for each package, without a reason. Read the code at each position first.
 */
import { loadReportOf, type LoadReportOut } from "../tests/support/load_reports.ts";
import { TestServer } from "../tests/support/server.ts";

/** A use in a package. */
interface PackageUse {
  readonly package: string;
  readonly version: string;
  readonly file: string;
  readonly function: string;
  readonly called: string;
}

/** What the report does not name. */
const UNNAMED = "module code, or in a function without a name";
/** Position of a file in a package, with or without a line. */
const IN_PACKAGE = /^npm:((?:@[^/@]+\/)?[^/@]+)@([^/]+)\/(.+?)(?::\d+)?$/;

/** The file, or a function that imports all of the package. */
async function sourceOf(argument: string): Promise<string> {
  if (/\.[jt]s$/.test(argument)) return await Deno.readTextFile(argument);
  return `import * as all from "npm:${argument}";\nexport default () => Object.keys(all).length;\n`;
}

type Use = LoadReportOut["readings"][number];

/** In a draft, what the report does not name is module code. */
function packageUse({ position, called, functionName = "<module>" }: Use): PackageUse[] {
  const [, name, version, file] = IN_PACKAGE.exec(position) ?? [];
  if (name === undefined || version === undefined || file === undefined) return [];
  return [{ package: name, version, file, function: functionName, called }];
}

/** One entry for each package, as the list has them. */
function candidates(uses: readonly PackageUse[]): unknown[] {
  const each = <Key extends keyof PackageUse>(of: readonly PackageUse[], key: Key) => [
    ...new Set(of.map((use) => use[key])),
  ];
  return [...Map.groupBy(uses, ({ package: name, version }) => `${name}@${version}`).values()].map(
    (of) => ({
      package: of[0]?.package,
      versions: of[0]?.version,
      files: each(of, "file"),
      functions: each(of, "function"),
      reads: each(of, "called"),
      why: "",
    }),
  );
}

await using server = await TestServer.start({ flags: ["--api-rate", "0", "--token-rate", "0"] });
const client = await server.client();
const found: PackageUse[] = [];
for (const argument of Deno.args) {
  try {
    const id = await client.deploy(await sourceOf(argument));
    const { start, loadTime, readings, error } = await loadReportOf(client, id);
    console.log(`${argument}: ${start}, loads in ${loadTime}`);
    if (error !== undefined) console.log(`  no template under any setting: ${error}`);
    for (const { position, called, functionName = UNNAMED } of readings) {
      console.log(`  ${position} called ${called} in ${functionName}`);
    }
    found.push(...readings.flatMap(packageUse));
  } catch (error) {
    console.log(`${argument}: ${error instanceof Error ? error.message : error}`);
  }
}
console.log(JSON.stringify(candidates(found), null, 2));
